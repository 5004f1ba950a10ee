import pytest
from botocore.exceptions import ClientError


def test_test_test_is_the_root_of_account_zero(shared_cloud):
    who = shared_cloud.client("sts").get_caller_identity()
    assert who["Account"] == "000000000000"
    assert who["Arn"] == "arn:aws:iam::000000000000:root"


def test_twelve_digits_name_their_own_account(shared_cloud):
    assert shared_cloud.client("sts", "123456789012").get_caller_identity()["Account"] == "123456789012"


def test_a_wrong_secret_is_refused(shared_cloud):
    with pytest.raises(ClientError, match="SignatureDoesNotMatch"):
        shared_cloud.client("sts", secret="wrong").get_caller_identity()


def test_an_unknown_key_is_refused(shared_cloud):
    with pytest.raises(ClientError, match="InvalidClientTokenId"):
        shared_cloud.client("sts", "AKIAUNKNOWNUNKNOWN00").get_caller_identity()
