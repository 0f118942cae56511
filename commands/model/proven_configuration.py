"""Proven configuration: the last one of a host that a run proved to work, for the plans of later changes."""

from collections.abc import Mapping

from pydantic import AwareDatetime

from adapters.value import Value


class ProvenConfiguration(Value):
    """The last configuration of a gateway that a run proved to work.

    `sha256` is the hash of all of its files (`adapters.windows.configuration.hash_configuration`). The host keeps a copy in
    `folder`. `operation` proved it, and ended its proof `at` that time.
    """

    host: str
    sha256: str
    folder: str
    operation: str
    at: AwareDatetime


ProvenConfigurations = Mapping[str, ProvenConfiguration]
"""Proven configurations by host."""
