"""The types that have what is asked for."""

import pytest

from tests.services.ec2.vpc.refusing import refused


@pytest.fixture
def names(shared_cloud):
    """A function that gives the names of the types with these requirements."""
    ec2 = shared_cloud.client("ec2")

    def find(architecture="x86_64", vcpus=(2, 2), memory=(0, 10**6), **more):
        wanted = {"VCpuCount": dict(zip(("Min", "Max"), vcpus, strict=True))}
        wanted["MemoryMiB"] = dict(zip(("Min", "Max"), memory, strict=True))
        pages = ec2.get_paginator("get_instance_types_from_instance_requirements").paginate(
            ArchitectureTypes=[architecture],
            VirtualizationTypes=["hvm"],
            InstanceRequirements={**wanted, **more},
            PaginationConfig={"PageSize": 10},
        )
        return {one["InstanceType"] for page in pages for one in page["InstanceTypes"]}

    return find


def test_size_and_architecture_are_met_and_burstable_ones_asked_for(names):
    found = names(memory=(8192, 8192))
    assert {"m5.large", "m6a.large"} <= found
    assert not {"t3.large", "c5.large", "m6g.large", "m5.xlarge"} & found
    assert names("arm64", memory=(8192, 8192)) >= {"m6g.large"}
    assert "t3.large" in names(memory=(8192, 8192), BurstablePerformance="included")
    assert {name.split(".")[0] for name in names(BurstablePerformance="required")} <= {"t2", "t3", "t3a", "t4g"}


def test_makers_generations_and_ratios(names):
    assert names(CpuManufacturers=["amd"], memory=(8192, 8192)) == {"m5a.large", "m6a.large", "m7a.large"}
    assert names("arm64", CpuManufacturers=["intel"]) == set()
    assert {name.split(".")[0] for name in names(InstanceGenerations=["previous"])} == {"m1"}
    assert all(name.startswith(("r", "i4")) for name in names(MemoryGiBPerVCpu={"Min": 8}))


def test_types_are_allowed_or_excluded_by_name(names):
    assert names(AllowedInstanceTypes=["m5*"]) == {"m5.large", "m5a.large", "m5d.large"}
    assert not any(name.startswith("m5") for name in names(ExcludedInstanceTypes=["m5*"]))
    with refused("InvalidParameterCombination"):
        names(AllowedInstanceTypes=["m5*"], ExcludedInstanceTypes=["m5d.*"])


def test_local_storage_and_what_no_type_has(names):
    assert names(AllowedInstanceTypes=["m5*"], LocalStorage="required") == {"m5d.large"}
    assert "m5d.large" not in names(LocalStorage="excluded")
    assert names(AllowedInstanceTypes=["m5*"], TotalLocalStorageGB={"Min": 100}) == {"m5.large", "m5a.large"}
    for more in (
        {"BareMetal": "required"},
        {"RequireHibernateSupport": True},
        {"AcceleratorTypes": ["gpu"]},
        {"AcceleratorCount": {"Min": 1}},
    ):
        assert names(**more) == set()
    assert names(AcceleratorCount={"Max": 0})


def test_what_there_are_no_facts_of_is_refused(names):
    with refused("NotImplemented", "BaselineEbsBandwidthMbps"):
        names(BaselineEbsBandwidthMbps={"Min": 100})
