"""`sampan project rules`: which callbacks go to an address of their own."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from sampan.cli.common import USAGE, Desk, Failed, JsonFlag, desk, emit, run, stdout

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sampan.domain.callback_rules import CallbackRule
    from sampan.flow.projects import Act
    from sampan.storage.engine import Tx

group = typer.Typer(
    help="Callback rules of a project: list, add, remove, switch.", invoke_without_command=True
)
RuleArgument = Annotated[int, typer.Argument(metavar="RULE", help="Id of the rule.", min=1)]


@group.callback()
def rules(
    context: typer.Context,
    project_id: Annotated[int, typer.Argument(metavar="PROJECT", help="Project id.", min=1)],
) -> None:
    """List the callback rules of a project; the first that fits decides."""
    context.obj = project_id
    if context.invoked_subcommand is None:
        _show(run(_rules(project_id)))


@group.command("list")
def listing(context: typer.Context, *, as_json: JsonFlag = False) -> None:
    """List the rules in their order."""
    found = run(_rules(context.obj))
    if as_json:
        emit([_shown(rule) for rule in found])
    else:
        _show(found)


@group.command("add")
def add(
    context: typer.Context,
    url: Annotated[str, typer.Argument(metavar="URL", help="Where these callbacks go.")],
    *,
    payment_type: Annotated[str, typer.Option("--type", help="purchase, invoice or any.")] = "any",
    result: Annotated[str, typer.Option(help="success, decline, error, other or any.")] = "any",
    method: Annotated[str, typer.Option(help="hk-qr or any.")] = "any",
) -> None:
    """Add a rule behind the others."""
    import msgspec

    from sampan.cli.projects import checked_url
    from sampan.domain.callback_rules import CallbackRule

    kinds = {"payment_type": payment_type, "result": result, "method": method}
    plain = {name: "" if kind == "any" else kind for name, kind in kinds.items()}
    try:
        rule = msgspec.convert({"id": 0, "url": checked_url(url), **plain}, CallbackRule)
    except msgspec.ValidationError as error:
        raise Failed(f"no such rule: {error}", exit_code=USAGE) from error
    made = run(_add(context.obj, rule))
    stdout().print(f"Rule {made.id} added.")


@group.command("remove")
def remove(context: typer.Context, rule_id: RuleArgument) -> None:
    """Remove a rule."""
    run(_edit(context.obj, rule_id, to="remove"))
    stdout().print(f"Rule {rule_id} removed.")


@group.command("on")
def switch_on(context: typer.Context, rule_id: RuleArgument) -> None:
    """Let a rule decide again."""
    run(_edit(context.obj, rule_id, to="on"))
    stdout().print(f"Rule {rule_id} is on.")


@group.command("off")
def switch_off(context: typer.Context, rule_id: RuleArgument) -> None:
    """Keep a rule without letting it decide."""
    run(_edit(context.obj, rule_id, to="off"))
    stdout().print(f"Rule {rule_id} is off.")


def _show(found: "Sequence[CallbackRule]") -> None:
    from sampan.cli import look

    table = look.table("Callback rules", ">id", "payment type", "result", "method", "to", "state")
    for rule in found:
        kinds = (rule.payment_type or "any", rule.result or "any", rule.method or "any")
        table.add_row(str(rule.id), *kinds, rule.url, "on" if rule.enabled else "off")
    stdout().print(table if found else "No rule: callbacks go to the project's address.")


def _shown(rule: "CallbackRule") -> dict[str, Any]:
    return {
        "id": rule.id,
        "payment_type": rule.payment_type or "any",
        "result": rule.result or "any",
        "method": rule.method or "any",
        "url": rule.url,
        "enabled": rule.enabled,
    }


async def _rules(project_id: int) -> "Sequence[CallbackRule]":
    async with desk() as at:
        return (await at.project(project_id)).callback_rules


async def _add(project_id: int, rule: "CallbackRule") -> "CallbackRule":
    from sampan.cli.projects import warn_of_private
    from sampan.flow import projects as flow

    async with desk() as at:
        warn_of_private(at, rule.url)
        return await _do(at, lambda tx, act: flow.add_rule(tx, project_id, rule, act=act))


async def _edit(project_id: int, rule_id: int, *, to: str) -> None:
    from sampan.flow import projects as flow

    async with desk() as at:
        chosen = flow.RuleEdit(to)
        await _do(at, lambda tx, act: flow.edit_rule(tx, project_id, rule_id, to=chosen, act=act))


async def _do(at: Desk, work: "Callable[[Tx, Act], CallbackRule]") -> "CallbackRule":
    """Do something to the rules as the operator. Raises `Failed` where that cannot be."""
    from sampan.cli.projects import act_of, seen_by_servers
    from sampan.errors import Refusal

    act = act_of(at)
    try:
        done = await at.store.transact(lambda tx: work(tx, act))
    except Refusal as error:
        raise Failed(error.message) from error
    await seen_by_servers()
    return done
