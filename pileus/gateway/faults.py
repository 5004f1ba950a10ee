"""What is wrong with bytes on a socket, before they are a request."""


class Fault(Exception):
    """Told to the client in the form of AWS's query errors; in the service's own when a body was already being read."""

    def __init__(self, status: int, code: str, text: str):
        super().__init__(code)
        self.status, self.code, self.text = status, code, text


def not_http() -> Fault:
    return Fault(400, "BadRequest", "The request is not valid HTTP/1.1")


def too_many_headers() -> Fault:
    return Fault(431, "RequestHeaderSectionTooLarge", "The request's header section is too large")


def long_target() -> Fault:
    return Fault(414, "RequestUriTooLong", "The request's target is too long")


def too_large() -> Fault:
    return Fault(413, "RequestEntityTooLarge", "Request size exceeded the maximum allowed size")


def slow_down() -> Fault:
    return Fault(503, "SlowDown", "Please reduce your request rate.")


def stalled() -> Fault:
    """A body that stops coming."""
    text = "Your socket connection to the server was not read from or written to within the timeout period."
    return Fault(400, "RequestTimeout", text)
