"""How notices of the outbox travel: e-mail to persons, signed webhooks to organisations."""
