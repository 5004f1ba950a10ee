"""The cloud's own certificate authority: one, whoever asks, and whole, whenever the process ends."""

from concurrent.futures import ThreadPoolExecutor

from pileus.gateway import tls


def test_all_who_ask_for_the_authority_at_once_get_the_same_one(tmp_path):
    with ThreadPoolExecutor(8) as threads:
        found = set(threads.map(lambda _: tls.authority(tmp_path), range(16)))
    assert found == {(tmp_path / "ca.pem").read_text()}


def test_a_file_that_was_being_written_when_the_process_ended_is_not_taken_for_whole(tmp_path):
    (tmp_path / "ca.key.new").write_bytes(b"-----BEGIN PRI")
    assert tls.authority(tmp_path) == (tmp_path / "ca.pem").read_text()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["ca.key", "ca.pem"]
