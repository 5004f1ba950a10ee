"""Access control lists: as requests ask for them, as records keep them, as answers show them.

A list is kept as (grantee, permission) pairs; a grantee is a canonical user id or the name of a group. `PRIVATE`, no
pairs at all, is the owner's full control alone, and `EMPTY` a list without any grant. Source: Amazon S3 User Guide,
"Access control list (ACL) overview"; Amazon S3 API Reference, PutBucketAcl, PutObjectAcl.
"""

import re
from typing import Any

from pileus.identity.canonical import canonical_id

from ..errors import S3Error, invalid_argument, invalid_request

Acl = tuple[tuple[str, str], ...]

PRIVATE: Acl = ()
EMPTY: Acl = (("", ""),)
FULL = "FULL_CONTROL"
PERMISSIONS = (FULL, "READ", "WRITE", "READ_ACP", "WRITE_ACP")
ALL_USERS, AUTHENTICATED, LOG_DELIVERY = "AllUsers", "AuthenticatedUsers", "LogDelivery"
PUBLIC = (ALL_USERS, AUTHENTICATED)
GROUPS = {
    "http://acs.amazonaws.com/groups/global/AllUsers": ALL_USERS,
    "http://acs.amazonaws.com/groups/global/AuthenticatedUsers": AUTHENTICATED,
    "http://acs.amazonaws.com/groups/s3/LogDelivery": LOG_DELIVERY,
}
URIS = {name: uri for uri, name in GROUPS.items()}
EC2_IMAGES = "6aa5a366c34c1cbe25dc49211496e913e0351eb0e8c37aa3477e40942ec6b97c"
"""The canonical user that reads machine images' bundles for EC2 (`aws-exec-read`)."""

GRANTS_MAX = 100
HEADERS = {
    "GrantFullControl": ("x-amz-grant-full-control", FULL),
    "GrantRead": ("x-amz-grant-read", "READ"),
    "GrantWrite": ("x-amz-grant-write", "WRITE"),
    "GrantReadACP": ("x-amz-grant-read-acp", "READ_ACP"),
    "GrantWriteACP": ("x-amz-grant-write-acp", "WRITE_ACP"),
}
_CANNED: dict[str, Acl] = {
    "private": (),
    "public-read": ((ALL_USERS, "READ"),),
    "public-read-write": ((ALL_USERS, "READ"), (ALL_USERS, "WRITE")),
    "authenticated-read": ((AUTHENTICATED, "READ"),),
    "aws-exec-read": ((EC2_IMAGES, "READ"),),
}
_FOR_BUCKETS_OWNER = {"bucket-owner-read": "READ", "bucket-owner-full-control": FULL}
_LOGS: Acl = ((LOG_DELIVERY, "WRITE"), (LOG_DELIVERY, "READ_ACP"))
_CANONICAL = re.compile(r"[0-9a-fA-F]{64}")
_GRANTEE = re.compile(r"""\s*(\w+)\s*=\s*("[^"]*"|[^",\s]+)\s*""")


def asks(request: dict[str, Any]) -> bool:
    """Whether the request's headers say anything of an ACL."""
    return "ACL" in request or any(name in request for name in HEADERS)


def by_headers(request: dict[str, Any], owner: str, bucket_owner: str | None) -> Acl | None:
    """The list the headers ask for; None when they ask for none. `owner`: the account that is to own the resource;
    `bucket_owner`: for an object, its bucket's."""
    granted = [name for name in HEADERS if name in request]
    if "ACL" in request:
        if granted:
            raise invalid_request("Specifying both Canned ACLs and Header Grants is not allowed")
        return _canned(request["ACL"], canonical_id(owner), bucket_owner)
    if not granted:
        return None
    pairs = [(grantee, HEADERS[name][1]) for name in granted for grantee in _grantees(HEADERS[name][0], request[name])]
    return _kept(pairs, canonical_id(owner))


def _canned(name: str, owner: str, bucket_owner: str | None) -> Acl:
    more = _CANNED.get(name)
    if more is None and name in _FOR_BUCKETS_OWNER:
        # On a bucket they say nothing: its owner has full control as it is.
        same = bucket_owner is None or canonical_id(bucket_owner) == owner
        more = () if same else ((canonical_id(str(bucket_owner)), _FOR_BUCKETS_OWNER[name]),)
    if more is None and name == "log-delivery-write" and bucket_owner is None:
        more = _LOGS
    if more is None:
        raise invalid_argument("", "x-amz-acl", name)
    return _kept([(owner, FULL), *more], owner)


def _grantees(header: str, text: str) -> list[str]:
    """`id="…", uri="…"`."""
    found, end = [], 0
    while True:
        one = _GRANTEE.match(text, end)
        if one is None:
            raise invalid_argument("Argument format not recognized", header, text)
        found.append(_grantee(one[1], one[2].strip('"')))
        end = one.end()
        if end == len(text):
            return found
        if text[end] != ",":
            raise invalid_argument("Argument format not recognized", header, text)
        end += 1


def _grantee(kind: str, value: str, id_argument: str = "id", uri_argument: str = "uri") -> str:
    if kind == "id":
        if not _CANONICAL.fullmatch(value):
            raise invalid_argument("Invalid id", id_argument, value)
        return value.lower()
    if kind == "uri":
        if value not in GROUPS:
            raise invalid_argument("Invalid group uri", uri_argument, value)
        return GROUPS[value]
    if kind == "emailAddress":
        # AWS gave up grants by e-mail on 1 October 2025 (User Guide, "Access control list (ACL) overview").
        raise S3Error(
            "MethodNotAllowed",
            405,
            "Email grantee ACLs are no longer supported. Name the grantee by canonical user ID.",
        )
    raise invalid_argument("Argument format not recognized", kind, value)


def by_body(policy: dict[str, Any], owner: str) -> Acl:
    """The list of an AccessControlPolicy document."""
    grants = policy.get("Grants")
    owner_id = policy.get("Owner", {}).get("ID")
    if grants is None or owner_id is None or len(grants) > GRANTS_MAX:
        raise malformed_acl()
    if owner_id.lower() != canonical_id(owner):
        raise S3Error("AccessDenied", 403, "Access Denied")
    return _kept([_grant(grant) for grant in grants], canonical_id(owner))


def _grant(grant: dict[str, Any]) -> tuple[str, str]:
    grantee, permission = grant.get("Grantee", {}), grant.get("Permission")
    if permission not in PERMISSIONS:
        raise malformed_acl()
    kind = grantee.get("Type")
    if kind == "CanonicalUser" and "ID" in grantee:
        return _grantee("id", grantee["ID"], id_argument="CanonicalUser/ID"), permission
    if kind == "Group" and "URI" in grantee:
        return _grantee("uri", grantee["URI"], uri_argument="Group/URI"), permission
    if kind == "AmazonCustomerByEmail":
        return _grantee("emailAddress", ""), permission
    raise malformed_acl()


def _kept(pairs: list[tuple[str, str]], owner: str) -> Acl:
    if len(pairs) > GRANTS_MAX:
        raise malformed_acl()
    acl = tuple(dict.fromkeys(pairs))
    return PRIVATE if acl == ((owner, FULL),) else acl or EMPTY


def malformed_acl() -> S3Error:
    return S3Error(
        "MalformedACLError",
        400,
        "The XML you provided was not well-formed or did not validate against our published schema",
    )


def acls_disabled() -> S3Error:
    return S3Error("AccessControlListNotSupported", 400, "The bucket does not allow ACLs")


def is_public(acl: Acl) -> bool:
    return any(grantee in PUBLIC for grantee, _ in acl)


def without_public(acl: Acl, owner: str) -> Acl:
    """What is left of a list where public grants are ignored."""
    if not acl or not is_public(acl):
        return acl
    return _kept([grant for grant in acl if grant[0] not in PUBLIC], owner)


def shown(acl: Acl, owner: str) -> dict[str, Any]:
    """A list as an answer. `owner`: an account."""
    owner_id = canonical_id(owner)
    grants = [
        {"Grantee": _shown_grantee(grantee), "Permission": permission}
        for grantee, permission in (acl or ((owner_id, FULL),))
        if grantee
    ]
    return {"Owner": {"ID": owner_id}, "Grants": grants}


def _shown_grantee(grantee: str) -> dict[str, str]:
    uri = URIS.get(grantee)
    return {"Type": "Group", "URI": uri} if uri is not None else {"Type": "CanonicalUser", "ID": grantee}
