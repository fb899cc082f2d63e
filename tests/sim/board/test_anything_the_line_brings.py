"""Whatever arrives, the board neither raises nor stops, and its pins keep to their bounds."""

from hypothesis import given, settings
from hypothesis import strategies as st
from sim.bench import Bench

from ripieno_sim.board import BoardSettings
from ripieno_sim.codec import Act, Arm, Cancel, Estop, Hello, Message, Ping, Pong, Query, SetValue, Type, encode
from ripieno_sim.plant import CHANNELS

U8, U16, U32 = (st.integers(0, 2**bits - 1) for bits in (8, 16, 32))
I32 = st.integers(-(2**31), 2**31 - 1)
IDS = st.integers(0, 12) | U32
SPOKEN: st.SearchStrategy[tuple[int, Message | None]] = st.one_of(
    st.tuples(st.just(Type.ACT), st.builds(Act, IDS, U8, st.integers(0, 1) | I32, U32, U16, U16, U16)),
    st.tuples(
        st.just(Type.ACT),
        st.builds(Act, IDS, st.sampled_from((0, 64, 128)), st.just(1), U32, U16, st.integers(1, 2000), U16),
    ),
    st.tuples(st.just(Type.SET), st.builds(SetValue, U8, I32, U16)),
    st.tuples(st.just(Type.SET), st.builds(SetValue, st.just(1), st.integers(6_000, 14_000), st.integers(1, 3_000))),
    st.tuples(st.just(Type.ARM), st.builds(Arm, U16)),
    st.tuples(st.just(Type.QUERY), st.builds(Query, IDS)),
    st.tuples(st.just(Type.CANCEL), st.builds(Cancel, IDS)),
    st.tuples(st.just(Type.PING), st.builds(Ping, U32)),
    st.tuples(st.just(Type.ESTOP), st.builds(Estop, U8)),
    st.tuples(st.just(Type.PONG), st.builds(Pong, U32, U32, I32, U16, U16)),
    st.tuples(st.sampled_from((Type.ACK, Type.NAK)), st.none()),
)
STEPS = st.one_of(
    st.tuples(st.just("say"), SPOKEN, st.none() | U8),
    st.tuples(st.just("noise"), st.binary(max_size=100), st.none()),
    st.tuples(st.just("hello"), U32, st.none()),
    st.tuples(st.just("wait"), st.integers(1, 500_000), st.none()),
    st.tuples(st.just("speed"), st.integers(0, 6_000), st.none()),
)


@settings(max_examples=80, deadline=None)
@given(steps=st.lists(STEPS, max_size=25), start=st.sampled_from((0, 2**32 - 300_000)))
def test_no_sequence_of_frames_noise_and_pauses_upsets_the_board(
    steps: list[tuple[str, object, object]], start: int
) -> None:
    bench = Bench(settings=BoardSettings(table=CHANNELS, clock_start_us=start, drift_ppm=150))
    bench.connect()
    for step in steps:
        match step:
            case ("say", (int(kind), message), None):
                bench.tell(kind, message)  # type: ignore[arg-type]
            case ("say", (int(kind), message), int(ack)):
                bench.tell(kind, message, ack=ack)  # type: ignore[arg-type]
            case ("noise", bytes(noise), _):
                bench.raw(noise)
            case ("hello", int(nonce), _):
                bench.raw(encode(Type.HELLO, 0, 0, Hello(1, 0, nonce), 0))
            case ("wait", int(us), _):
                bench.run(us, beat=False)
            case ("speed", int(counts_s), _):
                bench.set_speed(counts_s)
    bench.run(4_000_000, beat=False)

    assert bench.board.orders.pins.mask() == bench.board.orders.armed == 0
    for channel, value, cmd_id, _ in bench.machine.done:
        assert CHANNELS[channel].minimum <= value <= CHANNELS[channel].maximum
        assert cmd_id is None or bench.machine.pulses(cmd_id) == 1
