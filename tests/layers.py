"""The contract type `only` of import-linter: a list of what may be imported, so that anything new is refused."""

import sys

from grimp import ImportGraph
from importlinter import Contract, ContractCheck, fields, output


class OnlyImports(Contract):
    """Modules import the allowed ones and the standard library, less what is forbidden of it.

    import-linter's own `forbidden` needs every third-party package by name, and a new one slips through.
    """

    type_name = "only"

    source_modules = fields.ListField(subfield=fields.StringField())
    allowed_modules = fields.ListField(subfield=fields.StringField())
    forbidden_modules = fields.ListField(subfield=fields.StringField())

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:  # noqa: ARG002, FBT001 - import-linter calls it so
        sources, allowed, forbidden = (
            [str(module) for module in modules]  # type: ignore[attr-defined]  # a field holds what the contract's table gave
            for modules in (self.source_modules, self.allowed_modules, self.forbidden_modules)
        )
        standard = sys.stdlib_module_names - set(forbidden)
        refused = [
            (importer, imported)
            for importer in sorted(module for module in graph.modules if _is_in(module, sources))
            for imported in sorted(graph.find_modules_directly_imported_by(importer))
            if imported.partition(".")[0] not in standard and not _is_in(imported, allowed)
        ]
        return ContractCheck(kept=not refused, metadata={"refused": refused})

    def render_broken_contract(self, check: ContractCheck) -> None:
        for importer, imported in check.metadata["refused"]:
            output.print_error(f"{importer} imports {imported}")


def _is_in(module: str, packages: list[str]) -> bool:
    return any(module == package or module.startswith(f"{package}.") for package in packages)
