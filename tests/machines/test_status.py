"""Status checks of machines that are in trouble, on real ones."""

import pytest

from tests.drivers.real import eventually

OFF_THE_NET = "#!/bin/sh\nip link set eth0 down\n"
OUT_OF_PROCESSES = """#!/bin/sh
systemd-run -p TasksMax=infinity python3 -c '
import subprocess, time
begun = []
while True:
    try:
        begun.append(subprocess.Popen(["sleep", "3600"]))
    except OSError:
        time.sleep(0.1)
'
"""


@pytest.mark.parametrize("trouble", [OFF_THE_NET, OUT_OF_PROCESSES], ids=["off the net", "out of processes"])
def test_a_guest_in_trouble_is_impaired(cloud, ssh_from_anywhere, trouble):
    made = cloud.launch([ssh_from_anywhere], InstanceType="t3.medium", UserData=trouble)

    def impaired():
        [found] = cloud.ec2.describe_instance_status(InstanceIds=[made.id], IncludeAllInstances=True)[
            "InstanceStatuses"
        ]
        return found["InstanceStatus"]["Status"] == "impaired" and found["SystemStatus"]["Status"] == "ok"

    eventually(impaired, patience=150)
    made.terminate()
    made.becomes("terminated")
