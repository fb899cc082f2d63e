"""A device that is restored beside a board that lived on: no command id and no act is used twice, the line goes on."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

from scenarios.serving import site
from scenarios.test_service import openings, sooner

from ripieno_daemon.ledger import verify


def command(*words: object) -> str:
    done = subprocess.run([sys.executable, "-m", "ripieno_daemon", *map(str, words)], capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout.decode()


def test_after_a_restore_the_boards_own_journal_keeps_ids_from_being_used_twice(tmp_path: Path) -> None:
    backup, state = tmp_path / "line.backup", tmp_path / "state"

    async def scenario() -> tuple[list[int], int, int, str]:
        async with site(tmp_path) as line:
            async with line.daemon() as daemon:
                await daemon.until("ready")
                line.start_belt()
                await sooner(lambda: openings(line) >= 3, 30)
                await asyncio.to_thread(command, "backup", backup, "--device", line.device_file)
                at_backup = openings(line)
                await sooner(lambda: openings(line) >= at_backup + 4, 30)
                daemon.process.kill()
                await daemon.process.wait()
            of_board = line.rig.board.journal.last_cmd_id
            said = await asyncio.to_thread(command, "restore", backup, "--state", state, "--replace")
            async with line.daemon() as daemon:
                await daemon.until("ready")
                before = openings(line)
                await sooner(lambda: openings(line) >= before + 4, 30)
                daemon.process.terminate()
                assert await daemon.process.wait() == 0
            return [one.cmd_id for one in line.rig.plant.gate.openings], before, of_board, said

    ids, before, of_board, said = asyncio.run(scenario())

    assert len(ids) == len(set(ids)), "the gate opened once for each command"
    assert min(ids[before:]) > of_board, "ids that were used after the backup are not used again"
    assert "begin anew" in said
    assert verify(state / "ledger.sqlite").is_whole
