#!/usr/bin/env python3
"""House rules for a built kustomization that no schema knows: how pods are confined, and who may talk to whom."""

import sys

import yaml


def containers_break(pod: dict) -> list[str]:
    broken = []
    if not pod.get("securityContext", {}).get("runAsNonRoot"):
        broken.append("may run as root")
    if pod.get("securityContext", {}).get("seccompProfile", {}).get("type") != "RuntimeDefault":
        broken.append("has no seccomp profile")
    if pod.get("automountServiceAccountToken") is not False:
        broken.append("mounts a token that it does not need")
    for container in pod["containers"]:
        security = container.get("securityContext", {})
        if not security.get("readOnlyRootFilesystem"):
            broken.append("can write to its root")
        if security.get("allowPrivilegeEscalation") is not False:
            broken.append("may gain privileges")
        if security.get("capabilities", {}).get("drop") != ["ALL"]:
            broken.append("keeps capabilities")
        for bound in ("requests", "limits"):
            if {"cpu", "memory"} - container.get("resources", {}).get(bound, {}).keys():
                broken.append(f"has no complete resource {bound}")
        for probe in ("livenessProbe", "readinessProbe"):
            if probe not in container:
                broken.append(f"has no {probe}")
        if ":" not in container["image"] or container["image"].endswith(":latest"):
            broken.append("has an image without a version")
    return broken


def named(peers: list[dict]) -> set[str]:
    """Names of the pods that policy peers in the same namespace select."""
    names = set()
    for peer in peers:
        if "namespaceSelector" in peer:
            continue
        selector = peer.get("podSelector", {})
        names.update(filter(None, [selector.get("matchLabels", {}).get("app.kubernetes.io/name")]))
        for expression in selector.get("matchExpressions", []):
            if expression["key"] == "app.kubernetes.io/name":
                names.update(expression["values"])
    return names


def calls(policies: dict, services: set[str]) -> tuple[set, set]:
    """Pairs (caller, callee) that callers' policies let out, and that callees' policies let in."""
    out, into = set(), set()
    for name in services & policies.keys():
        for rule in policies[name].get("egress", []):
            out |= {(name, other) for other in named(rule.get("to", [])) & services}
        for rule in policies[name].get("ingress", []):
            into |= {(other, name) for other in named(rule.get("from", [])) & services}
    return out, into


def main(folder: str, path: str) -> int:
    with open(path, encoding="utf-8") as file:
        documents = [document for document in yaml.safe_load_all(file) if document]
    by_kind: dict[str, dict] = {}
    for document in documents:
        by_kind.setdefault(document["kind"], {})[document["metadata"]["name"]] = document
    deployments = by_kind.get("Deployment", {})
    policies = {name: policy["spec"] for name, policy in by_kind.get("NetworkPolicy", {}).items()}
    services = {
        name
        for name, deployment in deployments.items()
        if deployment["metadata"]["labels"].get("app.kubernetes.io/component") == "service"
    }
    problems = []
    for name, deployment in deployments.items():
        pod = deployment["spec"]["template"]["spec"]
        problems += [f"{name} {problem}" for problem in containers_break(pod)]
        for kind in ("Service", "ServiceAccount", "NetworkPolicy"):
            if name not in by_kind.get(kind, {}):
                problems.append(f"{name} has no {kind} of its own")
        if pod.get("serviceAccountName") != name:
            problems.append(f"{name} runs under another's account")
    for name in services - by_kind.get("PodDisruptionBudget", {}).keys():
        problems.append(f"{name} has no PodDisruptionBudget")
    out, into = calls(policies, services)
    problems += [f"{caller} may call {callee}, which does not let it in" for caller, callee in sorted(out - into)]
    problems += [f"{callee} lets {caller} in, which may not call it" for caller, callee in sorted(into - out)]
    for problem in problems:
        print(f"{folder}: {problem}", file=sys.stderr)
    print(f"{folder}: {len(documents)} objects, {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
