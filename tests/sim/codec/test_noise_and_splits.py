"""The codec keeps what is good, forgets what is not, and never raises on what a line brings."""

from hypothesis import given, settings
from hypothesis import strategies as st

from ripieno_sim.codec import Act, Decoder, Query, Sample, SetValue, Type, cobs_decode, cobs_encode, encode, open_body
from ripieno_sim.codec.frames import MAX_BODY, MAX_RUN
from ripieno_sim.codec.messages import Reading

U8, U16, U32 = (st.integers(0, 2**bits - 1) for bits in (8, 16, 32))
I32 = st.integers(-(2**31), 2**31 - 1)
ACTS = st.builds(Act, U32, U8, I32, U32, U16, U16, U16)
SETS = st.builds(SetValue, U8, I32, U16)
SAMPLES = st.builds(
    Sample, U32, I32, U32, U16, U16, U16, U16, st.lists(st.builds(Reading, U8, I32), max_size=8).map(tuple)
)


@settings(deadline=None)
@given(body=st.binary(max_size=MAX_BODY))
def test_stuffing_adds_one_byte_and_removes_every_zero(body: bytes) -> None:
    stuffed = cobs_encode(body)

    assert len(stuffed) == len(body) + 1
    assert 0 not in stuffed
    assert cobs_decode(stuffed) == body


@settings(deadline=None)
@given(messages=st.lists(st.tuples(ACTS | SETS | SAMPLES, U8, U8), max_size=8), token=U32, data=st.data())
def test_frames_survive_however_the_line_splits_them(
    messages: list[tuple[Act | SetValue | Sample, int, int]], token: int, data: st.DataObject
) -> None:
    kinds = {Act: Type.ACT, SetValue: Type.SET, Sample: Type.SAMPLE}
    line = b"".join(encode(kinds[type(m)], seq, ack, m, token) for m, seq, ack in messages)
    decoder, received = Decoder(), []
    while line:
        cut = data.draw(st.integers(1, len(line)))
        received += [open_body(body or b"", token) for body in decoder.feed(line[:cut])]
        line = line[cut:]

    assert [(f.message, f.seq, f.ack) for f in received if f is not None] == messages


@settings(deadline=None)
@given(chunks=st.lists(st.binary(max_size=200), max_size=10))
def test_noise_gives_no_exception_and_a_frame_after_it_is_read(chunks: list[bytes]) -> None:
    decoder = Decoder()
    for chunk in chunks:
        for body in decoder.feed(chunk):
            assert body is None or open_body(body, 7) is None
    *_, last = decoder.feed(b"\0" + encode(Type.QUERY, 1, 2, Query(3), 7))

    assert last is not None
    assert open_body(last, 7) == (Type.QUERY, 1, 2, Query(3))


@settings(deadline=None)
@given(length=st.integers(MAX_RUN + 1, 5_000), step=st.integers(1, 100))
def test_a_run_without_end_costs_no_memory_and_counts_once(length: int, step: int) -> None:
    decoder, bodies = Decoder(), []
    for place in range(0, length, step):
        bodies += decoder.feed(b"\x55" * min(step, length - place))
        assert len(decoder._run) <= MAX_RUN

    assert bodies == []
    assert decoder.feed(b"\0") == [None]


@settings(deadline=None)
@given(body=st.binary(min_size=7, max_size=MAX_BODY), token=U32)
def test_any_body_is_opened_without_an_exception(body: bytes, token: int) -> None:
    frame = open_body(body, token)

    assert frame is None or frame.kind in list(Type)
