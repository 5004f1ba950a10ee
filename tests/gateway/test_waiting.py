"""Calls that wait: woken at once by what they wait for, by time and by the clock; dropped with their client."""

import json
import socket
import threading
import time

import pytest


@pytest.fixture
def queue(cloud):
    return cloud.client("sqs").create_queue(QueueName="q")["QueueUrl"]


class Poller(threading.Thread):
    """Receives once, waiting up to twenty seconds, in a thread of its own."""

    def __init__(self, cloud, url, seconds=20):
        super().__init__(daemon=True)
        self.sqs, self.url, self.seconds = cloud.client("sqs"), url, seconds
        self.messages, self.took = None, 0.0
        self.start()

    def run(self):
        begin = time.monotonic()
        answer = self.sqs.receive_message(QueueUrl=self.url, WaitTimeSeconds=self.seconds)
        self.messages, self.took = answer.get("Messages", []), time.monotonic() - begin


def until(condition, seconds=10):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not come about in time"
        time.sleep(0.005)


def waiting(cloud, count):
    until(lambda: len(cloud.app.cloud.waiting) == count)


def test_a_send_wakes_the_one_who_waits_at_once(cloud, queue):
    poller = Poller(cloud, queue)
    waiting(cloud, 1)
    cloud.client("sqs").send_message(QueueUrl=queue, MessageBody="hello")
    poller.join(5)
    assert [message["Body"] for message in poller.messages] == ["hello"]
    assert poller.took < 5


def test_of_many_who_wait_each_message_wakes_one(cloud, queue):
    pollers = [Poller(cloud, queue) for _ in range(20)]
    waiting(cloud, 20)
    sqs = cloud.client("sqs")
    for number in range(20):
        sqs.send_message(QueueUrl=queue, MessageBody=str(number))
    for poller in pollers:
        poller.join(10)
    assert sorted(int(poller.messages[0]["Body"]) for poller in pollers) == list(range(20))
    assert len(cloud.app.cloud.waiting) == 0


def test_moving_the_clock_on_ends_a_wait(cloud, queue):
    poller = Poller(cloud, queue)
    waiting(cloud, 1)
    cloud.advance(21)
    poller.join(5)
    assert poller.messages == []
    assert poller.took < 10


def test_a_message_is_not_handed_to_a_client_that_hung_up(cloud, queue):
    from botocore.auth import SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    body = json.dumps({"QueueUrl": queue, "WaitTimeSeconds": 20})
    headers = {"x-amz-target": "AmazonSQS.ReceiveMessage", "content-type": "application/x-amz-json-1.0"}
    request = AWSRequest("POST", cloud.endpoint + "/", data=body, headers=headers)
    SigV4Auth(Credentials("test", "test"), "sqs", "us-east-1").add_auth(request)
    lines = [f"{name}: {value}" for name, value in request.headers.items()]
    head = "\r\n".join(["POST / HTTP/1.1", f"Host: 127.0.0.1:{cloud.port}", *lines, f"Content-Length: {len(body)}"])
    with socket.create_connection(("127.0.0.1", cloud.port)) as connection:
        connection.sendall(f"{head}\r\n\r\n{body}".encode())
        waiting(cloud, 1)
    waiting(cloud, 0)
    sqs = cloud.client("sqs")
    sqs.send_message(QueueUrl=queue, MessageBody="still here")
    assert [m["Body"] for m in sqs.receive_message(QueueUrl=queue)["Messages"]] == ["still here"]


def test_a_stopping_cloud_answers_those_who_wait(cloud, queue):
    poller = Poller(cloud, queue)
    waiting(cloud, 1)
    begin = time.monotonic()
    cloud.stop()
    poller.join(5)
    assert poller.messages == []
    assert time.monotonic() - begin < 5
    cloud._start()


def test_waiting_costs_no_cpu(cloud, queue):
    pollers = [Poller(cloud, queue) for _ in range(10)]
    waiting(cloud, 10)
    begin = time.thread_time_ns(), time.process_time()
    time.sleep(0.5)
    assert time.process_time() - begin[1] < 0.1
    cloud.advance(21)
    for poller in pollers:
        poller.join(5)
