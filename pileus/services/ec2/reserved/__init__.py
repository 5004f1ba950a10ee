"""Reserved Instances: what is offered, bought, changed. No price is known yet, so none is told and nothing is paid."""
