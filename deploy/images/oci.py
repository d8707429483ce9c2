#!/usr/bin/env python3
"""Lays one static binary into an OCI image, without a container engine.

The image has two layers: what all services share (certificate authorities, an unprivileged user, /tmp) and the binary.
The same inputs give the same bytes. The tar is an OCI image layout and, by its manifest.json, what `docker load` reads.
"""

import argparse
import gzip
import hashlib
import io
import json
import platform
import tarfile
from pathlib import Path

USER = 65532
AUTHORITIES = Path("/etc/ssl/certs/ca-certificates.crt")
ARCHITECTURE = {"x86_64": "amd64", "aarch64": "arm64"}
MEDIA = "application/vnd.oci.image"


class Layer:
    """One layer: a gzipped tar with fixed times and owners."""

    def __init__(self, entries: list[tuple[str, int, bytes | None]]):
        raw = io.BytesIO()
        with tarfile.open(fileobj=raw, mode="w", format=tarfile.PAX_FORMAT) as tar:
            for name, mode, content in entries:
                info = tarfile.TarInfo(name)
                info.mode = mode
                if content is None:
                    info.type = tarfile.DIRTYPE
                    tar.addfile(info)
                else:
                    info.size = len(content)
                    tar.addfile(info, io.BytesIO(content))
        self.diff_id = digest(raw.getvalue())
        self.blob = gzip.compress(raw.getvalue(), compresslevel=6, mtime=0)


def digest(blob: bytes) -> str:
    return "sha256:" + hashlib.sha256(blob).hexdigest()


def descriptor(kind: str, blob: bytes) -> dict:
    return {"mediaType": f"{MEDIA}.{kind}", "digest": digest(blob), "size": len(blob)}


def encoded(value: dict | list) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def shared_layer() -> Layer:
    return Layer(
        [
            ("etc", 0o755, None),
            ("etc/passwd", 0o644, f"ntbcare:x:{USER}:{USER}::/:/sbin/nologin\n".encode()),
            ("etc/group", 0o644, f"ntbcare:x:{USER}:\n".encode()),
            ("etc/ssl", 0o755, None),
            ("etc/ssl/certs", 0o755, None),
            ("etc/ssl/certs/ca-certificates.crt", 0o644, AUTHORITIES.read_bytes()),
            ("tmp", 0o1777, None),
        ]
    )


def build(name: str, version: str, revision: str, binary: Path, output: Path) -> None:
    program = "/" + name.rsplit("/", 1)[-1]
    layers = [shared_layer(), Layer([(program[1:], 0o755, binary.read_bytes())])]
    config = encoded(
        {
            "architecture": ARCHITECTURE[platform.machine()],
            "os": "linux",
            "config": {
                "User": f"{USER}:{USER}",
                "Entrypoint": [program],
                "Env": [f"SSL_CERT_FILE={AUTHORITIES}"],
                "StopSignal": "SIGTERM",
                "Labels": {
                    "org.opencontainers.image.title": name,
                    "org.opencontainers.image.version": version,
                    "org.opencontainers.image.revision": revision,
                    "org.opencontainers.image.licenses": "Apache-2.0",
                },
            },
            "rootfs": {"type": "layers", "diff_ids": [layer.diff_id for layer in layers]},
        }
    )
    manifest = encoded(
        {
            "schemaVersion": 2,
            "mediaType": f"{MEDIA}.manifest.v1+json",
            "config": descriptor("config.v1+json", config),
            "layers": [descriptor("layer.v1.tar+gzip", layer.blob) for layer in layers],
        }
    )
    reference = {
        **descriptor("manifest.v1+json", manifest),
        "annotations": {
            "org.opencontainers.image.ref.name": version,
            "io.containerd.image.name": f"docker.io/{name}:{version}",
        },
    }
    blobs = {f"blobs/sha256/{digest(blob)[7:]}": blob for blob in [config, manifest, *(layer.blob for layer in layers)]}
    paths = list(blobs)
    files = {
        **blobs,
        "oci-layout": encoded({"imageLayoutVersion": "1.0.0"}),
        "index.json": encoded({"schemaVersion": 2, "mediaType": f"{MEDIA}.index.v1+json", "manifests": [reference]}),
        "manifest.json": encoded([{"Config": paths[0], "RepoTags": [f"{name}:{version}"], "Layers": paths[2:]}]),
    }
    part = output.with_suffix(".part")
    with tarfile.open(part, "w") as tar:
        for path, blob in files.items():
            info = tarfile.TarInfo(path)
            info.size, info.mode = len(blob), 0o644
            tar.addfile(info, io.BytesIO(blob))
    part.replace(output)


def unpack(image: Path, folder: Path) -> None:
    """Lays the layers of an image over each other in a folder."""
    folder.mkdir(parents=True)
    with tarfile.open(image) as tar:
        manifest = json.load(tar.extractfile("manifest.json"))[0]
        for path in manifest["Layers"]:
            with tarfile.open(fileobj=tar.extractfile(path), mode="r:gz") as layer:
                layer.extractall(folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    commands = parser.add_subparsers(required=True, dest="command")
    make = commands.add_parser("build")
    for option in ("name", "version", "revision"):
        make.add_argument(f"--{option}", required=True)
    for option in ("binary", "output"):
        make.add_argument(f"--{option}", required=True, type=Path)
    take = commands.add_parser("unpack")
    take.add_argument("image", type=Path)
    take.add_argument("folder", type=Path)
    options = vars(parser.parse_args())
    {"build": build, "unpack": unpack}[options.pop("command")](**options)


if __name__ == "__main__":
    main()
