"""Jar and Python package are one product: they carry one version and one protocol."""

from __future__ import annotations

import re
from xml.etree import ElementTree

from ijbridge._version import PROTOCOL, __version__
from setup_environment import ROOT

JAVA = ROOT / "java" / "src" / "main" / "java" / "org" / "ijbridge"


def test_the_jar_has_the_version_of_the_package() -> None:
    project = ElementTree.parse(ROOT / "java" / "pom.xml").getroot()
    assert project.findtext("{http://maven.apache.org/POM/4.0.0}version") == __version__


def test_the_jar_speaks_the_protocol_of_the_package() -> None:
    source = (JAVA / "InferenceClient.java").read_text(encoding="utf-8")
    spoken = re.search(r"int PROTOCOL = (\d+);", source)
    assert spoken is not None
    assert int(spoken[1]) == PROTOCOL
