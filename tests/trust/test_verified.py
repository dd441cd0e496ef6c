from __future__ import annotations


def test_a_signed_wheel_passes_all_eight_steps(bench) -> None:
    verified = bench.verify()
    assert [step.number for step in verified.steps] == list(range(1, 9))
    assert verified.publisher.identity == bench.instance.identity
    assert verified.verdict.verification_result == "PASSED"
    assert [str(permission) for permission in verified.grants.permissions] == ["network api.example.com:443"]
    assert verified.wheel.data == bench.data
