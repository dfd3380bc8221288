"""Which addresses of the internet Sampan may call: pure rules, no lookup and no connection.

A merchant chooses where callbacks go, so a URL is hostile until shown otherwise. The list of
networks is the IANA special-purpose registries (RFC 6890) plus what clouds keep at addresses that
look public. `sampan.outbound` applies the same rules again to every DNS answer and every socket.
"""

import ipaddress
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

IPAddress = ipaddress.IPv4Address | ipaddress.IPv6Address
IPNetwork = ipaddress.IPv4Network | ipaddress.IPv6Network

URL_CHARACTERS_MAX: Final = 2048
HOST_CHARACTERS_MAX: Final = 253
"""RFC 1035 2.3.4, without the dot of the root."""

PORTS: Final = {"http": 80, "https": 443}
PORT_MAX: Final = 65_535

PRIVATE: Final[tuple[IPNetwork, ...]] = (
    ipaddress.ip_network("10.0.0.0/8"),  # RFC 1918
    ipaddress.ip_network("127.0.0.0/8"),  # loopback, RFC 1122
    ipaddress.ip_network("172.16.0.0/12"),  # RFC 1918
    ipaddress.ip_network("192.168.0.0/16"),  # RFC 1918
    ipaddress.ip_network("::1/128"),  # loopback, RFC 4291
    ipaddress.ip_network("fc00::/7"),  # unique local, RFC 4193
)
"""Networks that `Policy.allow_private` opens, but for `METADATA`."""

METADATA: Final[tuple[IPNetwork, ...]] = (
    ipaddress.ip_network("100.100.100.200/32"),  # Alibaba Cloud
    ipaddress.ip_network("168.63.129.16/32"),  # Azure; outside every special-purpose range
    ipaddress.ip_network("169.254.0.0/16"),  # link local, RFC 3927; most clouds
    ipaddress.ip_network("192.0.0.192/32"),  # Oracle Cloud
    ipaddress.ip_network("fd00:ec2::/32"),  # AWS over IPv6
)
"""Where machines hand out credentials. Never opened."""

RESERVED: Final[tuple[IPNetwork, ...]] = (
    ipaddress.ip_network("0.0.0.0/8"),  # this network, RFC 791; Linux takes 0.0.0.0 for loopback
    ipaddress.ip_network("100.64.0.0/10"),  # shared by carriers, RFC 6598
    ipaddress.ip_network("192.0.0.0/24"),  # protocol assignments, RFC 6890
    ipaddress.ip_network("192.0.2.0/24"),  # documentation, RFC 5737
    ipaddress.ip_network("192.88.99.0/24"),  # 6to4 relays, RFC 7526
    ipaddress.ip_network("198.18.0.0/15"),  # benchmarks, RFC 2544
    ipaddress.ip_network("198.51.100.0/24"),  # documentation, RFC 5737
    ipaddress.ip_network("203.0.113.0/24"),  # documentation, RFC 5737
    ipaddress.ip_network("224.0.0.0/4"),  # multicast, RFC 5771
    ipaddress.ip_network("240.0.0.0/4"),  # future use and broadcast, RFC 1112 and RFC 919
    ipaddress.ip_network("::/96"),  # unspecified and IPv4-compatible, RFC 4291
    ipaddress.ip_network("::ffff:0:0:0/96"),  # IPv4-translated, RFC 2765
    ipaddress.ip_network("64:ff9b::/96"),  # NAT64, RFC 6052: an IPv4 address in disguise
    ipaddress.ip_network("64:ff9b:1::/48"),  # local NAT64, RFC 8215
    ipaddress.ip_network("100::/64"),  # discard, RFC 6666
    ipaddress.ip_network("100:0:0:1::/64"),  # dummy prefix, RFC 9780
    ipaddress.ip_network("2001::/23"),  # protocol assignments with Teredo, RFC 2928 and RFC 4380
    ipaddress.ip_network("2001:db8::/32"),  # documentation, RFC 3849
    ipaddress.ip_network("2002::/16"),  # 6to4, RFC 3056: an IPv4 address in disguise
    ipaddress.ip_network("3fff::/20"),  # documentation, RFC 9637
    ipaddress.ip_network("5f00::/16"),  # segment routing, RFC 9602
    ipaddress.ip_network("fe80::/10"),  # link local, RFC 4291
    ipaddress.ip_network("fec0::/10"),  # site local, RFC 3879
    ipaddress.ip_network("ff00::/8"),  # multicast, RFC 4291
)
"""Networks where no merchant can be. Never opened."""

PORTS_DENIED: Final[frozenset[int]] = frozenset().union(
    # The bad ports of the Fetch standard.
    (0, 1, 7, 9, 11, 13, 15, 17, 19, 20, 21, 22, 23, 25, 37, 42, 43, 53, 69, 77, 79, 87, 95, 101),
    (102, 103, 104, 109, 110, 111, 113, 115, 117, 119, 123, 135, 137, 139, 143, 161, 179, 389),
    (427, 465, 512, 513, 514, 515, 526, 530, 531, 532, 540, 548, 554, 556, 563, 587, 601, 636),
    (989, 990, 993, 995, 1719, 1720, 1723, 2049, 3659, 4045, 4190, 5060, 5061, 6000, 6566),
    (6665, 6666, 6667, 6668, 6669, 6679, 6697, 10080),
    # Databases, caches and control planes that take commands in lines or over HTTP.
    (445, 1433, 1521, 2375, 2376, 2379, 2380, 3306, 3389, 5432, 5672, 6379, 9200, 9300, 10250),
    (11211, 27017),
)
"""Ports that never speak HTTP to strangers; refused where `Policy.ports` names no others."""

NAMES_DENIED: Final = (
    "metadata.google.internal",
    "metadata.goog",
    "instance-data.ec2.internal",
)
"""Names of metadata services. Never opened."""

SUFFIXES_LOCAL: Final = (
    "localhost",  # RFC 6761
    "local",  # multicast DNS, RFC 6762
    "internal",  # reserved by ICANN for private use
    "localdomain",
    "home.arpa",  # RFC 8375
    "intranet",
    "corp",
    "home",
    "lan",
    "private",
)
"""Names that mean something only inside a network; `Policy.allow_private` opens them."""

_URL: Final = re.compile(
    r"(?P<scheme>https?)://"
    r"(?:\[(?P<ipv6>[0-9a-f:.]{2,45})\]|(?P<name>[^/?#:@%\[\]]+))"
    r"(?::(?P<port>[1-9][0-9]{0,4}))?"
    r"(?P<rest>[/?][^#]*)?",
    re.ASCII | re.IGNORECASE,
)
# A name as DNS has it, underscores included, since people do use them.
_LABEL: Final = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?", re.ASCII)
# Resolvers read a name that ends so as an IPv4 address in octal, hexadecimal or one number.
_NUMBER: Final = re.compile(r"[0-9]+|0x[0-9a-f]*", re.ASCII)
# Broken escapes, and escaped NUL, LF and CR: they split lines in whatever logs or forwards a path.
_BAD_ESCAPE: Final = re.compile(r"%(?![0-9a-f]{2})|%0[0ad]", re.ASCII | re.IGNORECASE)


class TargetRefused(Exception):  # noqa: N818 - the house's word: a refusal, not a failure
    """The address may not be called; nothing was sent and no connection was made.

    `why` is for our own log. The text says "refused" and no more, so that nobody can map a network
    by reading it.
    """

    def __init__(self, why: str) -> None:
        super().__init__("refused")
        self.why = why


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What may be called, and how much time and answer a call may take.

    `allow_private` opens loopback and private networks, and plain `http` to them: for a demo or a
    developer's machine. `allow_http` opens plain `http` to public addresses. `ports` is the closed
    list of ports, None for all but `PORTS_DENIED`. `own_hosts` are (host, port) pairs on which
    Sampan itself listens: host names in lower case, addresses in their canonical spelling.
    """

    allow_private: bool = False
    allow_http: bool = False
    ports: frozenset[int] | None = None
    own_hosts: frozenset[tuple[str, int]] = frozenset()
    timeout_s: float = 30.0
    answer_bytes_max: int = 65_536


@dataclass(frozen=True, slots=True)
class Target:
    """A URL taken apart. `host` is ASCII in lower case, IPv6 without brackets.

    `url` is put together again from the parts, so that no other reader can see another host in it.
    """

    scheme: str
    host: str
    port: int
    url: str

    @property
    def is_address(self) -> bool:
        """Whether the host is an address, for which DNS is not asked."""
        return _literal(self.host) is not None


# Pure, and asked before every call of the few addresses that a process calls all day.
@lru_cache(maxsize=1024)
def check_url(url: str, policy: Policy) -> Target:
    """Read a URL and hold it against the policy, without asking DNS; raises `TargetRefused`.

    To be called when a URL is saved; `Outbound` calls it again at each use.
    """
    target = _read(url)
    allowed = (
        target.port not in PORTS_DENIED if policy.ports is None else target.port in policy.ports
    )
    if not allowed:
        raise TargetRefused(f"port {target.port}")
    if target.is_address:
        fault = address_fault(target.host, target.port, policy=policy, scheme=target.scheme)
    else:
        fault = _name_fault(target, policy)
    if fault:
        raise TargetRefused(fault)
    return target


def origin(url: str) -> str:
    """Return `scheme://host:port`, the port always written; raises `TargetRefused`."""
    target = _read(url)
    return f"{target.scheme}://{_bracketed(target.host)}:{target.port}"


def address_fault(address: str, port: int, *, policy: Policy, scheme: str) -> str | None:
    """Say why a numeric address may not be called, None when it may."""
    ip = _literal(address)
    if ip is None:
        return f"unreadable address {address!r}"
    if (str(_unmapped(ip)), port) in policy.own_hosts:
        return f"own address {ip}:{port}"
    if is_public(ip):
        return None if scheme == "https" or policy.allow_http else f"plain http to {ip}"
    if policy.allow_private and is_private(ip):
        return None
    return f"address {ip} is not public"


def is_public(ip: IPAddress | str) -> bool:
    """Whether an address belongs to the open internet.

    An IPv4-mapped IPv6 address counts as its IPv4 address. Raises ValueError for text that is no
    address.
    """
    plain = _unmapped(ipaddress.ip_address(ip))
    return not any(plain in network for networks in _NOT_PUBLIC for network in networks)


def is_private(ip: IPAddress | str) -> bool:
    """Whether an address is loopback or private and no metadata service: what a demo may call."""
    plain = _unmapped(ipaddress.ip_address(ip))
    private = any(plain in network for network in PRIVATE)
    return private and not any(plain in network for network in METADATA)


_NOT_PUBLIC: Final = (PRIVATE, METADATA, RESERVED)


def _unmapped(ip: IPAddress) -> IPAddress:
    """Return the IPv4 address inside `::ffff:0:0/96`; the system connects to that one."""
    return (isinstance(ip, ipaddress.IPv6Address) and ip.ipv4_mapped) or ip


def _literal(host: str) -> IPAddress | None:
    """Read a numeric address; None for a name, and for addresses with a zone."""
    # Names are far more common, and ip_address() is slow to refuse them.
    if ":" not in host and not host[-1:].isdigit():
        return None
    try:
        return None if "%" in host else ipaddress.ip_address(host)
    except ValueError:
        return None


def _read(url: str) -> Target:
    """Take a URL apart by one strict grammar; raises `TargetRefused`."""
    if len(url) > URL_CHARACTERS_MAX:
        raise TargetRefused(f"longer than {URL_CHARACTERS_MAX} characters")
    # Readers of URLs differ in what they make of blanks, controls and backslashes.
    if not url.isprintable() or " " in url or "\\" in url:
        raise TargetRefused("blank, control character or backslash")
    found = _URL.fullmatch(url)
    if found is None:
        raise TargetRefused("not a plain http(s) URL")
    scheme = found["scheme"].lower()
    port = int(found["port"] or PORTS[scheme])
    if port > PORT_MAX:
        raise TargetRefused(f"port {port}")
    host = _ipv6(found["ipv6"]) if found["ipv6"] else _name(found["name"])
    rest = found["rest"] or "/"
    if _BAD_ESCAPE.search(rest):
        raise TargetRefused("bad escape in the path")
    place = _bracketed(host) if port == PORTS[scheme] else f"{_bracketed(host)}:{port}"
    return Target(scheme, host, port, f"{scheme}://{place}{'/' if rest[0] == '?' else ''}{rest}")


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _ipv6(text: str) -> str:
    """Return an IPv6 address in its canonical spelling."""
    try:
        return str(ipaddress.IPv6Address(text))
    except ValueError:
        raise TargetRefused("unreadable IPv6 address") from None


def _name(text: str) -> str:
    """Return a host name in ASCII, or a canonical IPv4 address."""
    host = text.lower()
    # A few foreign letters, the Kelvin sign among them, turn into ASCII ones.
    if len(host) > HOST_CHARACTERS_MAX or host.isascii() != text.isascii():
        raise TargetRefused("host name is not plain")
    ascii_host = host if host.isascii() else _idna(host)
    labels = ascii_host.split(".")
    if len(ascii_host) > HOST_CHARACTERS_MAX or not all(map(_LABEL.fullmatch, labels)):
        raise TargetRefused("host name is not plain")
    if _NUMBER.fullmatch(labels[-1]) and _literal(ascii_host) is None:
        raise TargetRefused("IPv4 address in another spelling")
    return ascii_host


def _idna(host: str) -> str:
    """Return a name's form with xn--; a name that is read in more than one way has none.

    Whatever comes back changed (full-width digits, other dots, ß) means one thing to people and
    another to machines, or differs between IDNA 2003 and 2008. Its owner can write xn-- himself.
    """
    try:
        encoded = host.encode("idna")
        same = encoded.decode("idna") == host
    except UnicodeError:
        same = False
    if not same:
        raise TargetRefused("host name does not encode")
    return encoded.decode("ascii")


def _name_fault(target: Target, policy: Policy) -> str | None:
    """Say why a host name may not be called, None when it may; its addresses are checked later."""
    host = target.host
    if (host, target.port) in policy.own_hosts:
        return f"own address {host}:{target.port}"
    if any(host == name or host.endswith(f".{name}") for name in NAMES_DENIED):
        return f"metadata service {host}"
    if policy.allow_private:
        return None
    if target.scheme == "http" and not policy.allow_http:
        return "plain http"
    local = "." not in host or any(host.endswith(f".{suffix}") for suffix in SUFFIXES_LOCAL)
    return f"local name {host}" if local else None
