"""Look a domain up through sockets, through the program, and behind a proxy named in the environment."""

import os
from contextlib import suppress

import whois
from whois.whois import NICClient


def attempt(action):
    with suppress(Exception, SystemExit):
        action()


attempt(lambda: whois.whois("example.org"))
attempt(lambda: whois.whois("https://www.example.co.uk/path", command=True, executable="true"))
attempt(lambda: whois.extract_domain("93.184.216.34"))
attempt(lambda: whois.extract_domain("www.example.museum"))
client = NICClient()
attempt(lambda: client.whois_lookup({}, "example.org", 0))
attempt(lambda: client.whois_lookup({"country": "de"}, "example.de", 0))
attempt(lambda: client.findwhois_iana("org"))
os.environ["SOCKS"] = "user:word@127.0.0.1:9"
attempt(client.get_socket)
