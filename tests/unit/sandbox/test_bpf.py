from __future__ import annotations

import pytest

from theodore_loader.sandbox.bpf import Program


def test_program_encodes_as_the_kernels_structure():
    program = Program()
    program.load(4)
    program.jump_equal(0xC000003E, then="end")
    program.give(0x80000000)
    program.label("end")
    program.give(0x7FFF0000)
    assert program.assemble() == b"".join(
        [
            bytes.fromhex("2000 00 00 04000000"),  # load the word at 4
            bytes.fromhex("1500 01 00 3e0000c0"),  # equal: skip one; not equal: skip none
            bytes.fromhex("0600 00 00 00000080"),
            bytes.fromhex("0600 00 00 0000ff7f"),
        ]
    )
    assert len(program) == 4


def test_missing_label_is_refused():
    program = Program()
    program.jump_equal(1, then="nowhere")
    with pytest.raises(ValueError, match="'nowhere' is not defined"):
        program.assemble()


def test_backward_jump_is_refused():
    program = Program()
    program.label("start")
    program.load(0)
    program.jump_equal(1, then="start")
    with pytest.raises(ValueError, match="-2 instructions away"):
        program.assemble()


def test_jump_further_than_an_offset_can_say_is_refused():
    program = Program()
    program.jump_equal(1, then="far")
    for _ in range(256):
        program.load(0)
    program.label("far")
    program.give(0)
    with pytest.raises(ValueError, match="256 instructions away"):
        program.assemble()


def test_label_defined_twice_is_refused():
    program = Program()
    program.label("once")
    with pytest.raises(ValueError, match="defined twice"):
        program.label("once")


def test_program_longer_than_the_kernel_takes_is_refused():
    program = Program()
    for _ in range(4097):
        program.give(0)
    with pytest.raises(ValueError, match="4097 instructions"):
        program.assemble()
