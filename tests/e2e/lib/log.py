"""What tests ask of a log in JSON."""
import json


def records(gatehouse, at_least=1, path=None):
    """The lines of a `format json` log as dicts, once there are so many; a line that is no JSON fails."""
    return [json.loads(line) for line in gatehouse.log_lines(path, at_least=at_least)]


def record_of(gatehouse, answer, path=None):
    """The line of one answer, found by its X-Request-Id."""
    from .wait import until
    request_id = answer["x-request-id"]
    assert request_id, "the answer has no X-Request-Id"
    return until(lambda: next((r for r in records(gatehouse, 0, path) if r.get("id") == request_id), None), 10,
                 f"a line of request {request_id}")
