#!/usr/bin/env python3
"""What deployments call things is what the software calls them: options, metrics, files."""

import re
import sys
import tomllib
from pathlib import Path

import yaml

DEPLOY = Path("deploy")
DEFAULTS = Path("services/chassis/default.toml")
RULES = sorted((DEPLOY / "observability/prometheus").glob("*.rules.yaml"))


def unknown_options() -> list[str]:
    """Variables of the manifests that name no option with a default."""
    with open(DEFAULTS, "rb") as file:
        options = tomllib.load(file)
    names = set()
    for manifest in sorted((DEPLOY / "kubernetes").rglob("*.yaml")):
        names.update(re.findall(r"\bNTB_[A-Z0-9_]+", manifest.read_text(encoding="utf-8")))
    unknown = []
    for name in sorted(names):
        here = options
        for part in name.removeprefix("NTB_").lower().split("__"):
            here = here.get(part) if isinstance(here, dict) else None
        if here is None:
            unknown.append(f"{name} sets no option of {DEFAULTS}")
    return unknown


def unknown_metrics() -> list[str]:
    """Metrics of the alert rules that no service registers."""
    source = "\n".join(path.read_text(encoding="utf-8") for path in Path("services").rglob("*.rs"))
    registered = set(re.findall(r'"(ntbcare_[a-z_]+)"', source))
    unknown = []
    for path in RULES:
        with open(path, encoding="utf-8") as file:
            groups = yaml.safe_load(file)["groups"]
        for rule in (rule for group in groups for rule in group["rules"]):
            for metric in re.findall(r"ntbcare_[a-z_]+", rule["expr"]):
                # A counter gets _total when it is printed, a histogram _bucket.
                if not {metric, re.sub(r"_(total|bucket|sum|count)$", "", metric)} & registered:
                    unknown.append(f"{rule['alert']} asks for {metric}, which no service has")
            if not Path(rule["annotations"]["runbook"]).is_file():
                unknown.append(f"{rule['alert']} names a runbook that is not there")
    return unknown


def dead_links() -> list[str]:
    """Links in our documents to files that are not there."""
    dead = []
    for document in [Path("README.md"), *sorted(DEPLOY.rglob("*.md"))]:
        for link in re.findall(r"\]\(([^)#:]+)\)", document.read_text(encoding="utf-8")):
            if not (document.parent / link).exists():
                dead.append(f"{document} links to {link}, which is not there")
    return dead


def main() -> int:
    problems = unknown_options() + unknown_metrics() + dead_links()
    for problem in problems:
        print(problem, file=sys.stderr)
    print(f"names: {len(problems)} problems")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
