"""Whether a port can be listened on, said before everything else is started."""

import socket


class PortTakenError(RuntimeError):
    """Nothing can listen on the port."""


def refuse_taken_port(host: str, port: int) -> None:
    """Return if the address is free.

    Raises:
        PortTakenError: Another process listens there, or the host is not this machine's.
    """
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM
        )[0]
        with socket.socket(family, kind, protocol) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except OSError as error:
        raise PortTakenError(
            f"cannot listen on {host}:{port} ({error.strerror}): stop what listens there, or "
            "choose another with --port"
        ) from None
