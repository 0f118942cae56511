"""WS-Management as a lab host speaks it: requests out of envelopes, replies and faults into envelopes."""

import re
import uuid
from dataclasses import dataclass
from xml.etree import ElementTree
from xml.sax.saxutils import escape

NAMES = {
    "s": "http://www.w3.org/2003/05/soap-envelope",
    "a": "http://schemas.xmlsoap.org/ws/2004/08/addressing",
    "w": "http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd",
    "x": "http://schemas.xmlsoap.org/ws/2004/09/transfer",
    "rsp": "http://schemas.microsoft.com/wbem/wsman/1/windows/shell",
}
SHELL_URI = "http://schemas.microsoft.com/wbem/wsman/1/windows/shell/cmd"
FAULT_ACTION = "http://schemas.dmtf.org/wbem/wsman/1/wsman/fault"
IDENTIFY = (
    f'<s:Envelope xmlns:s="{NAMES["s"]}"><s:Header/><s:Body>'
    '<i:IdentifyResponse xmlns:i="http://schemas.dmtf.org/wbem/wsman/identity/1/wsmanidentity.xsd">'
    "<i:ProtocolVersion>http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd</i:ProtocolVersion>"
    "<i:ProductVendor>Microsoft Corporation</i:ProductVendor>"
    "<i:ProductVersion>OS: 10.0.20348 SP: 0.0 Stack: 3.0</i:ProductVersion></i:IdentifyResponse></s:Body></s:Envelope>"
).encode()


@dataclass(frozen=True)
class Fault:
    """What a host says when it refuses: Windows' code (decimal of the HRESULT), SOAP subcode and words."""

    code: int
    subcode: str
    text: str


class Refused(Exception):
    """A request that ends in a fault."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.text)
        self.fault = fault


TIMED_OUT = Fault(
    2150858793,
    "w:TimedOut",
    "The WS-Management service cannot complete the operation within the time specified in OperationTimeout.",
)
SHELL_NOT_FOUND = Fault(2150858843, "w:InvalidSelectors", "The shell was not found on the server.")
COMMAND_NOT_FOUND = Fault(2150858844, "w:InvalidParameter", "The command identifier does not exist.")
SHELLS_QUOTA = Fault(2150859173, "w:QuotaLimit", "This user has the maximum number of concurrent shells.")
OPERATIONS_QUOTA = Fault(2150859174, "w:QuotaLimit", "This user has the maximum number of concurrent operations.")
PROCESSES_QUOTA = Fault(2150859188, "w:QuotaLimit", "The shell has the maximum number of processes.")
ENVELOPE_TOO_LARGE = Fault(2150858784, "w:EncodingLimit", "The request is larger than MaxEnvelopeSizekb.")
ACCESS_DENIED = Fault(5, "w:AccessDenied", "Access is denied.")
BAD_INPUT = Fault(87, "w:InvalidParameter", "The parameter is incorrect.")
STDIN_CLOSED = Fault(995, "w:InternalError", "The I/O operation has been aborted because of a thread exit.")
NOT_SUPPORTED = Fault(2150858752, "a:ActionNotSupported", "The action is not supported by the service.")
NOT_XML = Fault(2150858817, "w:SchemaValidationError", "The request contains invalid XML.")


@dataclass(frozen=True)
class Request:
    """One request: the last word of its action, what it is about, and its body."""

    action: str
    action_uri: str
    message_id: str
    shell_id: str
    options: dict[str, str]
    timeout: float
    envelope_size: int
    body: ElementTree.Element

    @classmethod
    def read(cls, message: bytes) -> "Request":
        """A request from its envelope; `Refused` where it is none that this host serves."""
        try:
            root = ElementTree.fromstring(message)
        except ElementTree.ParseError as error:
            raise Refused(NOT_XML) from error
        head, body = root.find("s:Header", NAMES), root.find("s:Body", NAMES)
        if head is None or body is None or head.findtext("w:ResourceURI", "", NAMES) != SHELL_URI:
            raise Refused(NOT_SUPPORTED)
        action = head.findtext("a:Action", "", NAMES)
        return cls(
            action=action.rpartition("/")[2],
            action_uri=action,
            message_id=head.findtext("a:MessageID", "", NAMES),
            shell_id=head.findtext("w:SelectorSet/w:Selector", "", NAMES),
            options={option.get("Name", ""): option.text or "" for option in head.iterfind("w:OptionSet/w:Option", NAMES)},
            timeout=duration(head.findtext("w:OperationTimeout", "PT60S", NAMES)),
            envelope_size=int(head.findtext("w:MaxEnvelopeSize", "153600", NAMES)),
            body=body,
        )


def reply(request: Request, body: str) -> bytes:
    """The envelope that answers a request."""
    return _envelope(f"{request.action_uri}Response", request.message_id, body)


def fault_reply(fault: Fault, message_id: str) -> bytes:
    """The envelope that refuses a request."""
    text = escape(fault.text)
    return _envelope(
        FAULT_ACTION,
        message_id,
        f"<s:Fault><s:Code><s:Value>s:Receiver</s:Value><s:Subcode><s:Value>{fault.subcode}</s:Value></s:Subcode></s:Code>"
        f'<s:Reason><s:Text xml:lang="en-US">{text}</s:Text></s:Reason><s:Detail>'
        '<f:WSManFault xmlns:f="http://schemas.microsoft.com/wbem/wsman/1/wsmanfault"'
        f' Code="{fault.code}" Machine="127.0.0.1"><f:Message>{text}</f:Message></f:WSManFault></s:Detail></s:Fault>',
    )


def _envelope(action: str, relates_to: str, body: str) -> bytes:
    names = " ".join(f'xmlns:{prefix}="{uri}"' for prefix, uri in NAMES.items())
    return (
        f'<s:Envelope xml:lang="en-US" {names}><s:Header><a:Action>{action}</a:Action>'
        f"<a:MessageID>uuid:{str(uuid.uuid4()).upper()}</a:MessageID>"
        f"<a:To>{NAMES['a']}/role/anonymous</a:To><a:RelatesTo>{escape(relates_to)}</a:RelatesTo></s:Header>"
        f"<s:Body>{body}</s:Body></s:Envelope>"
    ).encode()


def duration(text: str) -> float:
    """Seconds of an xs:duration such as PT600S or P0DT1H0M0.5S; a minute where it is none."""
    found = re.fullmatch(r"P(?:(\d+)D)?T?(?:(\d+)H)?(?:(\d+)M)?(?:([\d.]+)S)?", text.strip())
    if found is None:
        return 60.0
    days, hours, minutes, seconds = (float(part or 0) for part in found.groups())
    return ((days * 24 + hours) * 60 + minutes) * 60 + seconds
