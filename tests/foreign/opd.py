"""An agency's system as a stranger would write it: nats-py, grpcio and standardwebhooks, with nothing but the credentials
that NTB Care handed out and the published protos. Prints one JSON object a line; configuration comes from the environment.

    opd.py nats      takes messages from its durable consumer and acknowledges each
    opd.py stream    the same by gRPC, with a cursor that it acknowledges
    opd.py webhook   receives, verifies the signature; answers the first FAIL_FIRST requests with 500
    opd.py call NAME JSON   one call of OpdService
    opd.py forbidden tries what an OPD may not do and prints what became of each try
"""

import asyncio
import json
import os
import pathlib
import sys
import tempfile


def say(**fields):
    print(json.dumps(fields), flush=True)


def env(name):
    return os.environ[name]


# ---------------------------------------------------------------- NATS


async def connect(errors):
    import nats

    async def on_error(error):
        errors.append(str(error))

    return await nats.connect(
        env("NATS_URL"),
        user=env("NATS_USER"),
        password=env("NATS_PASSWORD"),
        inbox_prefix=env("INBOX_PREFIX").encode(),
        error_cb=on_error,
        max_reconnect_attempts=-1,
        reconnect_time_wait=0.2,
    )


async def take_from_nats():
    import nats

    connection = await connect([])
    jetstream = connection.jetstream(prefix=env("API_PREFIX"))
    while True:
        try:
            consumer = await jetstream.pull_subscribe_bind(consumer=env("NATS_USER"), stream="OPD")
            say(ready=True)
            while True:
                try:
                    messages = await consumer.fetch(20, timeout=1)
                except (nats.errors.TimeoutError, asyncio.TimeoutError):
                    continue
                for message in messages:
                    event = json.loads(message.data)
                    say(way="nats", subject=message.subject, event=event)
                    await message.ack()
        except (nats.errors.Error, nats.js.errors.Error) as error:
            say(error=type(error).__name__)
            await asyncio.sleep(0.2)


async def forbidden():
    """Each try is followed by a flush, so that the server's refusal is here before the next."""
    import nats

    errors = []
    connection = await connect(errors)
    other = env("OTHER_OPD")

    async def attempt(name, act):
        errors.clear()
        try:
            await act()
            await connection.flush()
            # The refusal comes on another task.
            for _ in range(50):
                if errors:
                    break
                await asyncio.sleep(0.02)
            say(tried=name, refused=bool(errors), how=errors[0] if errors else "")
        except nats.errors.Error as error:
            say(tried=name, refused=True, how=str(error) or type(error).__name__)

    async def ask(subject, data=b""):
        # A request that nobody may answer ends in an error of permissions, or in silence.
        await connection.request(subject, data, timeout=1)

    await attempt("hear all routed", lambda: connection.subscribe("opd.routed.v1.>"))
    await attempt("hear another's routed", lambda: connection.subscribe(f"opd.routed.v1.{other}"))
    await attempt("hear everything", lambda: connection.subscribe(">"))
    await attempt("hear inboxes", lambda: connection.subscribe("_INBOX.>"))
    await attempt("hear the services' events", lambda: connection.subscribe("complaint.>"))
    await attempt("forge a message", lambda: connection.publish(f"opd.routed.v1.{other}", b"{}"))
    await attempt("forge an event", lambda: connection.publish("complaint.closed.v1", b"{}"))
    await attempt("look at the stream", lambda: ask("$JS.API.STREAM.INFO.OPD"))
    await attempt("look at streams", lambda: ask("$JS.API.STREAM.NAMES"))
    await attempt("read the stream", lambda: ask("$JS.API.STREAM.MSG.GET.OPD", b'{"seq":1}'))
    await attempt("read directly", lambda: ask("$JS.API.DIRECT.GET.OPD", b'{"seq":1}'))
    await attempt("purge the stream", lambda: ask("$JS.API.STREAM.PURGE.OPD"))
    await attempt("delete the stream", lambda: ask("$JS.API.STREAM.DELETE.OPD"))
    prefix = env("API_PREFIX")
    await attempt("pull another's", lambda: ask(f"{prefix}.CONSUMER.MSG.NEXT.OPD.{other}", b"1"))
    await attempt(
        "make a consumer", lambda: ask("$JS.API.CONSUMER.CREATE.OPD", b'{"stream_name":"OPD","config":{}}')
    )
    say(done=True)
    await connection.close()


# ---------------------------------------------------------------- gRPC


def compile_protos():
    from grpc_tools import protoc

    root = pathlib.Path(env("PROTOS"))
    out = tempfile.mkdtemp()
    include = pathlib.Path(protoc.__file__).parent / "_proto"
    files = [str(p.relative_to(root)) for p in sorted(root.glob("ntbcare/**/*.proto"))]
    code = protoc.main(
        ["protoc", f"-I{root}", f"-I{include}", f"--python_out={out}", f"--grpc_python_out={out}", *files]
    )
    if code != 0:
        raise SystemExit("the published protos do not compile")
    sys.path.insert(0, out)


def client():
    import grpc

    compile_protos()
    from ntbcare.opd.v1 import opd_pb2, opd_pb2_grpc

    channel = grpc.insecure_channel(env("ADDRESS"))
    return opd_pb2, opd_pb2_grpc.OpdServiceStub(channel)


def metadata():
    shown = [("authorization", f"Bearer {env('KEY')}")]
    if os.environ.get("TRACEPARENT"):
        shown.append(("traceparent", os.environ["TRACEPARENT"]))
    return shown


def take_from_stream():
    import time

    import grpc
    from google.protobuf import json_format

    messages, opd = client()
    cursor = ""
    say(ready=True)
    while True:
        try:
            for event in opd.Subscribe(messages.SubscribeRequest(cursor=cursor), metadata=metadata()):
                say(way="grpc", event=json_format.MessageToDict(event, preserving_proto_field_name=True))
                cursor = event.cursor
                opd.Ack(messages.AckRequest(cursor=cursor), metadata=metadata())
        except grpc.RpcError as error:
            say(error=error.code().name)
            time.sleep(0.2)


def call(name, request):
    import grpc
    from google.protobuf import json_format

    messages, opd = client()
    kind = {"AskReporter": "AskReporterRequest"}.get(name, f"{name}Request")
    message = json_format.ParseDict(json.loads(request), getattr(messages, kind)())
    try:
        answer = getattr(opd, name)(message, metadata=metadata(), timeout=20)
        say(ok=json_format.MessageToDict(answer, preserving_proto_field_name=True))
    except grpc.RpcError as error:
        say(code=error.code().name, message=error.details())


# ---------------------------------------------------------------- webhook


def receive_webhooks():
    from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

    from standardwebhooks.webhooks import Webhook, WebhookVerificationError

    state = {"fail": int(os.environ.get("FAIL_FIRST", "0"))}
    # The secret comes with the endpoint, which needs the address first: it is read from a file when the first message is here.
    secret_file = pathlib.Path(env("SECRET_FILE"))

    class Receiver(BaseHTTPRequestHandler):
        def do_POST(self):
            body = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()}
            try:
                event = Webhook(secret_file.read_text().strip()).verify(body, headers)
                if isinstance(event, (bytes, str)):
                    event = json.loads(event)
                status = 204
                if state["fail"] > 0:
                    state["fail"] -= 1
                    status = 500
                say(way="webhook", id=headers.get("webhook-id"), status=status, event=event)
            except WebhookVerificationError as error:
                status = 401
                say(error=str(error))
            self.send_response(status)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    say(ready=True, port=server.server_port)
    server.serve_forever()


def main():
    what = sys.argv[1]
    if what == "nats":
        asyncio.run(take_from_nats())
    elif what == "forbidden":
        asyncio.run(forbidden())
    elif what == "stream":
        take_from_stream()
    elif what == "webhook":
        receive_webhooks()
    elif what == "call":
        call(sys.argv[2], sys.argv[3])
    else:
        raise SystemExit(__doc__)


if __name__ == "__main__":
    main()
