"""The section `auth`: what it comes to, and the exact line that each fault in it gets."""

from __future__ import annotations

import pytest

from runner.config import AuthSettings, load, load_all
from runner.config.settings import IntrospectionSettings, ScopeSettings
from runner.errors import ConfigError
from tests.config.project import MINIMAL, Project

LEAST = 'issuer: "https://a.example", audience: "https://b.example"'

# What stands within auth: {…} -> the faults, after `auth`.
FAULTS = {
    "audience: x": [": found neither of issuer and trusted_header; expected one of the two"],
    f"{LEAST}, trusted_header: X, from: ['::1']": [
        ": found both of issuer and trusted_header; expected one of the two"
    ],
    'issuer: "https://a.example"': [".audience: is missing"],
    'issuer: "https://a.example", audience: [models, other]': [
        ".resource: is missing, and no audience is a URL; expected the URL at which clients reach "
        "this server"
    ],
    "trusted_header: X-Client": [".from: is missing"],
    "trusted_header: X-Client, from: [localhost]": [
        ".from[0]: found 'localhost'; expected an address, or a network such as 10.0.0.0/8"
    ],
    "trusted_header: X-Client, from: [10.0.0.1/8]": [
        ".from[0]: found '10.0.0.1/8'; expected an address, or a network such as 10.0.0.0/8"
    ],
    'trusted_header: "X Client", from: [127.0.0.1]': [
        ".trusted_header: found 'X Client'; expected the name of a header field"
    ],
    "trusted_header: X-Client, from: [127.0.0.1], leeway: 5": [
        ".leeway: has no meaning beside trusted_header; expected no leeway"
    ],
    f"{LEAST}, grant: [predict]": [".grant: has no meaning beside issuer; expected no grant"],
    f"{LEAST}, algorithms: [HS256]": [
        ".algorithms[0]: found 'HS256'; expected one of RS256, PS256, ES256, EdDSA"
    ],
    f"{LEAST}, algorithms: [none]": [
        ".algorithms[0]: found 'none'; expected one of RS256, PS256, ES256, EdDSA"
    ],
    f"{LEAST}, algorithms: []": [".algorithms: found an empty list; expected a list of algorithms"],
    f"{LEAST}, leeway: 301": [".leeway: found 301, an integer; expected seconds, 0 to 300"],
    f"{LEAST}, leeway: false": [".leeway: found False, a boolean; expected seconds, 0 to 300"],
    f"{LEAST}, introspection: {{client_id: a}}": [".introspection.client_secret: is missing"],
    f"{LEAST}, introspection: {{client_id: a, client_secret: 5}}": [
        ".introspection.client_secret: found no text; expected a string; better {__env__: NAME}"
    ],
    f"{LEAST}, introspection: {{client_id: a, client_secret: b, cache: 61}}": [
        ".introspection.cache: found 61, an integer; expected seconds, above 0 and up to 60"
    ],
    f'{LEAST}, scopes: {{predict: "a b"}}': [
        ".scopes.predict: found 'a b'; expected ASCII without spaces, quotes and backslashes"
    ],
    f"{LEAST}, scopes: {{raed: a}}": [".scopes.raed: unknown key 'raed', did you mean 'read'?"],
    f"{LEAST}, isuer: a": [".isuer: unknown key 'isuer', did you mean 'issuer'?"],
    f"{LEAST}, leeway: 0, key_cache: 0, require_at_jwt: 1": [
        ".require_at_jwt: found 1, an integer; expected true or false",
        ".key_cache: found 0, an integer; expected seconds, above 0 and up to 86400",
    ],
}


@pytest.mark.parametrize("text", FAULTS)
def test_faults(project: Project, text: str) -> None:
    """Each fault is told with file, line and key, and all of them at once."""
    project.write("a.yaml", f"{MINIMAL}auth: {{{text}}}\n")
    found = project.faults("a.yaml")
    assert sorted(found) == sorted(f"a.yaml:3: auth{fault}" for fault in FAULTS[text])


@pytest.mark.parametrize(
    "issuer",
    [
        "http://a.example",
        "ftp://a.example",
        "https://",
        "a.example",
        "https://a.example?b=c",
        "https://a.example?",
        "https://a.example#b",
        "https://u:p@a.example",
        "https://a b.example",
        "https://[::1",
        "https://ä.example",
        "https://a.example:port",
    ],
)
def test_issuers_that_are_none(project: Project, issuer: str) -> None:
    """An issuer is an https URL (RFC 8414 section 2)."""
    project.write("a.yaml", f'{MINIMAL}auth: {{issuer: "{issuer}", audience: "https://b.example"}}')
    (fault,) = project.faults("a.yaml")
    assert fault.endswith(
        "expected an https URL without query and fragment; http only of a loopback address"
    )


@pytest.mark.parametrize("auth", ["", "true", "[a]", "open"])
def test_what_is_no_auth(project: Project, auth: str) -> None:
    """An empty section, and any word but none, is no way to open the door."""
    project.write("a.yaml", f"{MINIMAL}auth: {auth}\n")
    (fault,) = project.faults("a.yaml")
    assert fault.endswith("expected a map with an issuer, or the word none")


def test_whole(project: Project) -> None:
    """What is written is what comes out, and survives the way to a front-end."""
    project.write(
        "a.yaml",
        f"""{MINIMAL}
auth:
  issuer: http://127.0.0.1:9000/realms/main
  audience: [models, "https://b.example/models"]
  leeway: 0
  introspection: {{client_id: a, client_secret: {{__env__: SECRET}}, cache: 5}}
  scopes: {{read: "api://models/read"}}
""",
    )
    auth = load("a.yaml", environ={"SECRET": "s3cret"}).auth
    assert auth == AuthSettings(
        issuer="http://127.0.0.1:9000/realms/main",
        audience=("models", "https://b.example/models"),
        resource="https://b.example/models",
        algorithms=("RS256", "PS256", "ES256", "EdDSA"),
        leeway=0.0,
        introspection=IntrospectionSettings("a", "s3cret", 5.0),
        scopes=ScopeSettings(read="api://models/read"),
        grant=("predict", "api://models/read"),
    )
    assert isinstance(auth, AuthSettings)
    assert AuthSettings.from_json(auth.to_json()) == auth
    assert "s3cret" not in repr(auth)


def test_proxy(project: Project) -> None:
    """A trusted header has addresses, and grants what there is but changing models."""
    project.write(
        "a.yaml", f"{MINIMAL}auth: {{trusted_header: X-Client, from: [127.0.0.1, '::1']}}"
    )
    auth = load("a.yaml").auth
    assert isinstance(auth, AuthSettings)
    assert (auth.trusted_header, auth.trusted_from) == ("X-Client", ("127.0.0.1/32", "::1/128"))
    assert auth.grant == ("predict", "models:read")


def test_secrets_are_in_no_message(project: Project) -> None:
    """Two configs that differ only in a secret are refused without it."""
    for name, secret in (("a", "s3cret"), ("b", "0ther")):
        head = MINIMAL.replace("iris", name)
        secrets = f"introspection: {{client_id: a, client_secret: {secret}}}"
        project.write(f"{name}.yaml", f"{head}auth: {{{LEAST}, {secrets}}}\n")
    with pytest.raises(ConfigError) as caught:
        load_all(["a.yaml", "b.yaml"])
    (fault,) = caught.value.faults
    assert fault.key == "auth"
    assert not {"s3cret", "0ther"} & set(str(caught.value).replace("'", " ").split())
