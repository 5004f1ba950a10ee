"""How a simulation asks: calls of an account's root, made as the gateway makes them, of operations that it names."""

from typing import Any

from pileus.gateway.cloud import Cloud
from pileus.identity.keys import AccessKey, root_arn
from pileus.identity.standing import Standing
from pileus.policy import Principal, compile_policy
from pileus.service import Call, Caller

ACCOUNT, REGION = "000000000000", "us-east-1"
ALLOW = '{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"*","Resource":"*"}}'
KEY = AccessKey("test", "test", ACCOUNT, "", ACCOUNT, 0.0)
ROOT = Standing(Principal("root", ACCOUNT, root_arn(ACCOUNT), ACCOUNT), (compile_policy(ALLOW, "identity"),))
CALLER = Caller(ROOT, ACCOUNT, ROOT.principal.arn, ACCOUNT, KEY)


class Permissive(Cloud):
    """The cloud, whose policies are asked nothing: what is simulated is what comes after them."""

    def authorize(self, call: Call) -> None:
        pass


def call_of(world: Any, tx: Any, operation: Any, request: dict[str, Any], region: str = REGION, **more: Any) -> Call:
    """A call of `operation`, as the gateway has it when it is about to be done."""
    now = world.clock.now()
    call = Call(world, tx, CALLER, region, now, "r", "http://here", started=now, operation=operation, **more)
    call.request = request
    return call
