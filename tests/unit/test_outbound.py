"""Which URLs and addresses may be called, decided without a lookup or a connection."""

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sampan.addresses import PORTS_DENIED, address_fault, is_private
from sampan.outbound import (
    OutboundError,
    Policy,
    TargetRefused,
    check_url,
    is_public,
    origin,
)

STRICT = Policy()
HTTP = Policy(allow_http=True)
DEMO = Policy(allow_private=True)

# Network, the address before it, the address after it: None where that one is refused as well.
EDGES = [
    ("0.0.0.0/8", None, "1.0.0.0"),
    ("10.0.0.0/8", "9.255.255.255", "11.0.0.0"),
    ("100.64.0.0/10", "100.63.255.255", "100.128.0.0"),
    ("127.0.0.0/8", "126.255.255.255", "128.0.0.0"),
    ("168.63.129.16/32", "168.63.129.15", "168.63.129.17"),
    ("169.254.0.0/16", "169.253.255.255", "169.255.0.0"),
    ("172.16.0.0/12", "172.15.255.255", "172.32.0.0"),
    ("192.0.0.0/24", "191.255.255.255", "192.0.1.0"),
    ("192.0.2.0/24", "192.0.1.255", "192.0.3.0"),
    ("192.88.99.0/24", "192.88.98.255", "192.88.100.0"),
    ("192.168.0.0/16", "192.167.255.255", "192.169.0.0"),
    ("198.18.0.0/15", "198.17.255.255", "198.20.0.0"),
    ("198.51.100.0/24", "198.51.99.255", "198.51.101.0"),
    ("203.0.113.0/24", "203.0.112.255", "203.0.114.0"),
    ("224.0.0.0/4", "223.255.255.255", None),
    ("240.0.0.0/4", None, None),
    ("::/96", None, "::1:0:0"),
    ("::ffff:0:0:0/96", "::fffe:ffff:ffff:ffff", "::ffff:1:0:0"),
    ("64:ff9b::/96", "64:ff9a:ffff:ffff:ffff:ffff:ffff:ffff", "64:ff9b::1:0:0"),
    ("64:ff9b:1::/48", "64:ff9b:0:ffff:ffff:ffff:ffff:ffff", "64:ff9b:2::"),
    ("100::/64", "ff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", None),
    ("100:0:0:1::/64", None, "100:0:0:2::"),
    ("2001::/23", "2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2001:200::"),
    ("2001:db8::/32", "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db9::"),
    ("2002::/16", "2001:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2003::"),
    ("3fff::/20", "3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "3fff:1000::"),
    ("5f00::/16", "5eff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "5f01::"),
    ("fc00::/7", "fbff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "fe00::"),
    ("fe80::/10", "fe7f:ffff:ffff:ffff:ffff:ffff:ffff:ffff", None),
    ("fec0::/10", None, None),
    ("ff00::/8", None, None),
]
OUTSIDE = [edge for _, *edges in EDGES for edge in edges if edge]


@pytest.mark.parametrize("network", [network for network, *_ in EDGES])
def test_both_ends_of_a_special_network_are_not_public(network: str) -> None:
    """The first and the last address of every special network are refused."""
    net = ipaddress.ip_network(network)
    assert [is_public(net[0]), is_public(net[-1])] == [False, False]


@pytest.mark.parametrize("address", OUTSIDE)
def test_neighbours_of_a_special_network_are_public(address: str) -> None:
    """A special network is refused no further than it reaches."""
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        "1.1.1.1",
        "8.8.8.8",
        "::ffff:8.8.8.8",
        "2606:4700:4700::1111",
        "64:ff9c::1",
        "100.63.255.254",
        "100.128.0.1",
    ],
)
def test_public_addresses_stay_open(address: str) -> None:
    """An address of the open internet may be called."""
    host = f"[{address}]" if ":" in address else address
    assert is_public(address)
    assert check_url(f"https://{host}/cb", STRICT).port == 443


@given(st.integers(0, 2**32 - 1))
def test_mapped_address_counts_as_its_ipv4(number: int) -> None:
    """An IPv4-mapped address is public exactly when the IPv4 address in it is."""
    inner = ipaddress.IPv4Address(number)
    assert is_public(f"::ffff:{inner}") == is_public(inner)


@given(st.integers(0, 2**32 - 1))
def test_nothing_is_public_that_python_calls_special(number: int) -> None:
    """Our table is no weaker than the one that Python keeps, multicast included."""
    address = ipaddress.IPv4Address(number)
    if is_public(address):
        assert address.is_global
        assert not address.is_multicast


@pytest.mark.parametrize(
    ("address", "private"),
    [
        ("127.0.0.1", True),
        ("10.1.2.3", True),
        ("172.31.255.255", True),
        ("192.168.0.1", True),
        ("::1", True),
        ("fd12::1", True),
        ("::ffff:127.0.0.1", True),
        ("0.0.0.0", False),
        ("::", False),
        ("169.254.169.254", False),
        ("100.100.100.200", False),
        ("fd00:ec2::254", False),
        ("192.0.0.192", False),
        ("224.0.0.1", False),
        ("64:ff9b::7f00:1", False),
        ("8.8.8.8", False),
    ],
)
def test_demo_opens_private_networks_only(address: str, *, private: bool) -> None:
    """With `allow_private` loopback and private networks open, metadata and the rest do not."""
    assert is_private(address) is private


@pytest.mark.parametrize(
    ("url", "canonical"),
    [
        ("https://shop.example", "https://shop.example/"),
        ("HTTPS://Shop.Example/CB", "https://shop.example/CB"),
        ("https://shop.example:443/cb", "https://shop.example/cb"),
        ("https://shop.example:8443/cb", "https://shop.example:8443/cb"),
        ("https://shop.example?a=b", "https://shop.example/?a=b"),
        ("https://shop.example/@127.0.0.1", "https://shop.example/@127.0.0.1"),
        ("https://shop.example/%7Ea?b=%2F", "https://shop.example/%7Ea?b=%2F"),
        ("https://b\u00fccher.example/", "https://xn--bcher-kva.example/"),
        ("https://B\u00dcCHER.example/", "https://xn--bcher-kva.example/"),
        ("https://xn--fa-hia.example/", "https://xn--fa-hia.example/"),
        ("https://\u5546\u5e97.\u9999\u6e2f/", "https://xn--czrs0t.xn--j6w193g/"),
        ("https://my_shop.example/", "https://my_shop.example/"),
        ("https://[2606:4700:4700:0:0::1111]/", "https://[2606:4700:4700::1111]/"),
        ("https://1.1.1.1:8443/", "https://1.1.1.1:8443/"),
    ],
)
def test_url_is_put_together_from_its_parts(url: str, canonical: str) -> None:
    """A good URL comes back in one spelling, which reads back as itself."""
    target = check_url(url, STRICT)
    assert target.url == canonical
    assert check_url(canonical, STRICT) == target


def test_longest_url_is_taken() -> None:
    """2,048 characters are allowed, one more is not."""
    url = "https://shop.example/".ljust(2048, "a")
    assert check_url(url, STRICT).url == url
    with pytest.raises(TargetRefused):
        check_url(url + "a", STRICT)


@pytest.mark.parametrize("port", sorted(PORTS_DENIED))
def test_port_of_another_protocol_is_refused(port: int) -> None:
    """Without a list of ports, those of mail, shells and databases are refused."""
    with pytest.raises(TargetRefused):
        check_url(f"https://shop.example:{port}/", STRICT)


def test_port_list_is_closed() -> None:
    """With a list of ports, only those on it are allowed."""
    policy = Policy(ports=frozenset({443, 8443}))
    assert check_url("https://shop.example:8443/", policy).port == 8443
    with pytest.raises(TargetRefused):
        check_url("https://shop.example:9443/", policy)


@pytest.mark.parametrize(
    ("url", "policy", "allowed"),
    [
        ("http://shop.example/", STRICT, False),
        ("http://shop.example/", HTTP, True),
        ("http://8.8.8.8/", STRICT, False),
        ("http://8.8.8.8/", HTTP, True),
        ("http://8.8.8.8/", DEMO, False),
        ("http://127.0.0.1:8000/", DEMO, True),
        ("http://127.0.0.1:8000/", HTTP, False),
        ("http://localhost:8000/", DEMO, True),
        ("https://shop.internal/", DEMO, True),
        ("https://metadata.google.internal/", DEMO, False),
        ("https://169.254.169.254/", DEMO, False),
        ("https://[fd00:ec2::254]/", DEMO, False),
        ("https://0.0.0.0/", DEMO, False),
    ],
)
def test_settings_open_what_they_name(url: str, policy: Policy, *, allowed: bool) -> None:
    """Each setting opens its own door and no other."""
    try:
        check_url(url, policy)
    except TargetRefused:
        assert not allowed
    else:
        assert allowed


@pytest.mark.parametrize(
    "url",
    [
        "https://pay.example/gate",
        "https://PAY.example:443/",
        "https://127.0.0.1:8000/",
        "https://[::ffff:127.0.0.1]:8000/",
        "https://[0:0::1]:8000/",
    ],
)
def test_own_address_is_refused(url: str) -> None:
    """Where Sampan listens itself is refused in every spelling, in a demo too."""
    own = frozenset({("pay.example", 443), ("127.0.0.1", 8000), ("::1", 8000)})
    with pytest.raises(TargetRefused):
        check_url(url, Policy(allow_private=True, own_hosts=own))


@pytest.mark.parametrize("address", ["fe80::1%eth0", "shop.example", "", "127.1"])
def test_answer_that_is_no_address_is_refused(address: str) -> None:
    """What DNS answers must read as an address, without a zone."""
    assert address_fault(address, 443, policy=DEMO, scheme="https")


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://Shop.example/cb?a", "https://shop.example:443"),
        ("http://127.0.0.1/x", "http://127.0.0.1:80"),
        ("https://[0::1]:8443/", "https://[::1]:8443"),
    ],
)
def test_origin_names_its_port(url: str, expected: str) -> None:
    """The origin is the same text for every URL of one place."""
    assert origin(url) == expected


def test_origin_needs_a_url() -> None:
    """The origin of nonsense is refused."""
    with pytest.raises(TargetRefused):
        origin("shop.example")


def test_refusal_tells_nothing() -> None:
    """What a merchant may read of a refusal is one word; the reason is for the log."""
    with pytest.raises(TargetRefused) as caught:
        check_url("https://10.0.0.7/", STRICT)
    assert str(caught.value) == "refused"
    assert "10.0.0.7" in caught.value.why


def test_error_carries_its_kind() -> None:
    """An error has a kind for programs and a text for people."""
    error = OutboundError("dns", "no such name")
    assert (error.kind, str(error)) == ("dns", "no such name")


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    """No text makes the reader fail in another way, and what it takes is ASCII in the host."""
    for url in (text, f"https://{text}", f"https://shop.example{text}"):
        try:
            target = check_url(url, STRICT)
        except TargetRefused:
            continue
        assert target.host.isascii()
