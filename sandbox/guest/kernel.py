"""Run inside, one per kernel: ipykernel without a single TCP socket.

ipykernel opens a loopback TCP pipe for the output of forked children even with the ipc transport;
where only AF_UNIX exists that aborts the process. Here the pipe is a Unix socket in /run.
"""

import os
import sys
import tempfile

import zmq
from ipykernel.iostream import IOPubThread
from ipykernel.kernelapp import launch_new_instance
from zmq.eventloop.zmqstream import ZMQStream

PACKAGES = "/opt/packages"


def setup_pipe_in(thread: IOPubThread) -> None:
    """Listen for the output of forked children on a Unix socket."""
    pipe_in = thread.socket.context.socket(zmq.PULL)
    pipe_in.linger = 0
    thread._pipe_uuid = os.urandom(16)  # noqa: SLF001 - ipykernel has no setting for this pipe
    directory = tempfile.mkdtemp(prefix="fork-output-", dir="/run")
    thread._pipe_port = f"ipc://{directory}/pipe"  # noqa: SLF001
    pipe_in.bind(thread._pipe_port)  # noqa: SLF001
    thread._pipe_in = ZMQStream(pipe_in, thread.io_loop)  # noqa: SLF001
    thread._pipe_in.on_recv(thread._handle_pipe_msg)  # noqa: SLF001


def setup_pipe_out(thread: IOPubThread) -> tuple[zmq.Context, zmq.Socket]:
    """Reach the parent's pipe from a forked child; a context cannot cross a fork."""
    context = zmq.Context()
    pipe_out = context.socket(zmq.PUSH)
    pipe_out.linger = 3_000
    pipe_out.connect(thread._pipe_port)  # noqa: SLF001
    return context, pipe_out


def main() -> None:
    """Start the kernel on the connection file named in the arguments."""
    if os.path.isdir(PACKAGES):  # noqa: PTH112 - one call, before anything is imported
        sys.path.append(PACKAGES)
    IOPubThread._setup_pipe_in = setup_pipe_in  # noqa: SLF001
    IOPubThread._setup_pipe_out = setup_pipe_out  # noqa: SLF001
    launch_new_instance()


if __name__ == "__main__":
    main()
