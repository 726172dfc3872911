"""Routes of pages: what goes wrong is told on a page, in words; who is not logged in, logs in."""

import logging

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import ValidationError
from starlette.exceptions import HTTPException

from foundation.errors import SandgateError
from service.api.bodies import Handler, UploadRoute
from service.errors import UNEXPECTED, invalid_form, log_denial
from service.pages.frame import LoginNeeded, redirect_to_login, redirect_to_step_up, show_problem

log = logging.getLogger("sandgate.service")


class PageRoute(UploadRoute):
    """A route whose every answer is a page of ours."""

    def get_route_handler(self) -> Handler:
        """Answer with a page whatever happens."""
        handler = super().get_route_handler()

        async def page_handler(request: Request) -> Response:
            try:
                return await handler(request)
            except LoginNeeded:
                return redirect_to_login(request)
            except SandgateError as error:
                if error.code == "step_up_required":
                    return redirect_to_step_up(request)
                log_denial(error, request)
                return show_problem(request, error)
            except (RequestValidationError, ValidationError) as error:
                return show_problem(request, invalid_form(error.errors()[0]))
            except HTTPException:
                raise
            except Exception as error:  # noqa: BLE001 - a page says one fixed sentence
                log.error("unforeseen %s at %s", type(error).__name__, request.url.path)  # noqa: TRY400 - a traceback quotes data
                return show_problem(request, SandgateError("internal", UNEXPECTED))

        return page_handler
