"""Finds what can prove that Nebula on a host is back in the overlay. Pure."""

from datetime import timedelta

from adapters.inventory import Host
from commands.certs.fleet_certificates import FleetCertificates
from commands.certs.renewal_obstacles import find_witnesses
from commands.planning.commit_confirm import TunnelProof


def find_tunnel(host: Host, seen: FleetCertificates) -> tuple[TunnelProof, str] | None:
    """Finds the proof of a host's tunnels, and the fingerprint of its certificate.

    None if its certificate is unknown or has expired, or if no host can witness its handshake.
    """
    held = next((each for each in seen.per_host if each.host == host), None)
    if held is None or held.certificate is None or seen.lighthouse is None:
        return None
    if seen.compute_time_left(held.certificate) <= timedelta(0) or not (able := find_witnesses(held, seen)):
        return None
    return TunnelProof(host, seen.lighthouse.host, able, held.certificate.name), held.certificate.fingerprint
