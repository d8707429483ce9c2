"""An agency's system that answers: the standard library for HTTP, nats-py for NATS. Prints one JSON object: status and body.

    answers.py http VERB JSON KEY [PHOTO]    POST BASE/VERB; with PHOTO (a file) as a form
    answers.py nats VERB JSON KEY            a request to opd.calls.v1.<NATS_USER or OTHER>.VERB
"""

import asyncio
import json
import os
import pathlib
import sys
import urllib.error
import urllib.request

how, verb, body, key = sys.argv[1:5]
language = os.environ.get("LANGUAGE_WANTED", "id")


def http():
    headers = {"Authorization": "Bearer " + os.environ["KEY"], "Accept-Language": language}
    if key:
        headers["Idempotency-Key"] = key
    data = body.encode()
    headers["Content-Type"] = "application/json"
    if len(sys.argv) > 5:
        edge = b"----answers"
        photo = pathlib.Path(sys.argv[5]).read_bytes()
        data = b"\r\n".join(
            [
                b"--" + edge,
                b'Content-Disposition: form-data; name="answer"',
                b"Content-Type: application/json",
                b"",
                data,
                b"--" + edge,
                b'Content-Disposition: form-data; name="photo"; filename="a.jpg"',
                b"Content-Type: application/octet-stream",
                b"",
                photo,
                b"--" + edge + b"--",
                b"",
            ]
        )
        headers["Content-Type"] = "multipart/form-data; boundary=" + edge.decode()
    request = urllib.request.Request(os.environ["BASE"] + "/" + verb, data, headers, method="POST")
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:
            return answer.status, answer.headers["Content-Type"], json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, error.headers["Content-Type"], json.load(error)


async def nats_request():
    import nats

    refused = []

    async def on_error(error):
        refused.append(str(error))

    connection = await nats.connect(
        os.environ["NATS_URL"],
        user=os.environ["NATS_USER"],
        password=os.environ["NATS_PASSWORD"],
        inbox_prefix=os.environ["INBOX_PREFIX"].encode(),
        error_cb=on_error,
    )
    headers = {"Accept-Language": language}
    if key:
        headers["Idempotency-Key"] = key
    to = os.environ.get("OTHER", os.environ["NATS_USER"])
    try:
        reply = await connection.request(f"opd.calls.v1.{to}.{verb}", body.encode(), timeout=20 if to == os.environ["NATS_USER"] else 2, headers=headers)
        return int(reply.headers["Status"]), reply.headers["Content-Type"], json.loads(reply.data)
    except (nats.errors.TimeoutError, nats.errors.NoRespondersError) as error:
        return 0, type(error).__name__, refused
    finally:
        await connection.close()


status, kind, answer = http() if how == "http" else asyncio.run(nats_request())
print(json.dumps({"status": status, "kind": kind, "body": answer}))
