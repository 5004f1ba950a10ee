"""Regions and their zones: which there are, and what they are called.

Regions are read from botocore's `endpoints.json`. How many zones a region has is not published as data: the usual
three, six in us-east-1 and four in us-west-2 (AWS, "Global Infrastructure: Regions and Availability Zones").
"""

import os
import re
from functools import cache
from typing import NamedTuple

import orjson

from pileus.model.files import data_folder

ENABLED_FROM_THE_START = frozenset(
    {
        "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1", "ap-southeast-1", "ap-southeast-2",
        "ca-central-1", "eu-central-1", "eu-north-1", "eu-west-1", "eu-west-2", "eu-west-3", "sa-east-1", "us-east-1",
        "us-east-2", "us-west-1", "us-west-2",
    }
)  # fmt: skip
"""The others are opted into. Source: Account Management Reference Guide, "Enable or disable AWS Regions"."""

_ZONES = {"us-east-1": "abcdef", "us-west-2": "abcd"}
_DIRECTIONS = {"north": "n", "south": "s", "east": "e", "west": "w", "central": "c"}


class Region(NamedTuple):
    name: str
    partition: str
    domain: str


@cache
def regions() -> dict[str, Region]:
    """By name; of all partitions."""
    with open(os.path.join(data_folder(), "endpoints.json"), "rb") as file:
        partitions = orjson.loads(file.read())["partitions"]
    return {
        name: Region(name, partition["partition"], partition["dnsSuffix"])
        for partition in partitions
        for name in partition["regions"]
    }


def zones(region: str) -> list[str]:
    """Names of its zones, in order."""
    return [region + letter for letter in _ZONES.get(region, "abc")]


@cache
def zone_id(zone: str) -> str:
    """'use1-az1' of 'us-east-1a'. (AWS shuffles the letters for each account; here they are in order.)"""
    region, letter = zone[:-1], zone[-1]
    area, *words, number = region.split("-")
    short = "".join(
        re.sub("|".join(_DIRECTIONS), lambda found: _DIRECTIONS[found[0]], word) if _is_direction(word) else word[0]
        for word in words
    )
    return f"{area}{short}{number}-az{ord(letter) - ord('a') + 1}"


def _is_direction(word: str) -> bool:
    return re.fullmatch(f"({'|'.join(_DIRECTIONS)})+", word) is not None
