"""Suspended hosts in answers: their state, and the command that resumes them in place of those that would be refused."""

from adapters.phrase import Phrase
from bot.hosts.reports.stages import offer_resumes
from commands.model.finding import Finding, Severity
from commands.model.report import Report


def finding(host: str, subject: str, words: str, *parts: Finding) -> Finding:
    return Finding(severity=Severity.HIGH, host=host, subject=subject, why=Phrase("stopped"), next=words, parts=parts)


def test_a_resume_is_offered_where_a_start_of_a_service_would_be_refused() -> None:
    stopped = finding("host-b", "nebula", "service start nebula host-b")
    report = Report(
        title=Phrase("Health"),
        summary=Phrase("{n} problems", n=3),
        findings=(
            finding("host-b", "", "service start openresty host-b", stopped),
            finding("host-b", "disk", "disk host-b"),
            finding("host-a", "nebula", "service start nebula host-a"),
        ),
        next=("service start nebula host-b", "disk host-b", "service start nebula host-a"),
    )
    shown = offer_resumes(report, ["host-b"])

    assert ["host resume host-b", "disk host-b", "service start nebula host-a"] == [each.next for each in shown.findings]
    assert ["host resume host-b"] == [each.next for each in shown.findings[0].parts]
    assert ("host resume host-b", "disk host-b", "service start nebula host-a") == shown.next
