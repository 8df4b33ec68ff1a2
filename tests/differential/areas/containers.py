"""Container queries in pages of a few boxes: which branch a browser takes shows how wide a container is.

Both branches may be asked for where the width is not known; neither may be missed.
"""

from __future__ import annotations

from differential.made import Site

_LENGTHS = (
    "300px",
    "50%",
    "100%",
    "600px",
    "20em",
    "30rem",
    "40vw",
    "auto",
    "1000px",
    "75%",
    "12.5%",
    "0",
    "calc(100% - 100px)",
    "calc(50% + 10px)",
    "min(400px,80%)",
    "max(30%,500px)",
    "clamp(200px,50%,700px)",
    "fit-content",
    "max-content",
    "min-content",
    "var(--w)",
    "var(--nope,250px)",
    "-10px",
    "inherit",
    "initial",
    "stretch",
    "5in",
    "200pt",
)
_EDGES = (
    "20px",
    "0",
    "10%",
    "0 20px",
    "1px 2px 3px 4px",
    "auto",
    "0 auto",
    "2em",
    "1rem 5%",
    "-30px",
    "0 -15px",
    "calc(50% - 50vw)",
    "var(--e)",
    "0 10px 5px",
    "inherit",
    "initial",
)
_BORDERS = (
    "1px solid",
    "10px solid red",
    "thick dashed",
    "solid",
    "5px",
    "0",
    "none",
    "medium double",
    "2em solid",
    "thin dotted",
    "var(--b)",
    "inherit",
)
_DISPLAYS = (
    "block",
    "flex",
    "grid",
    "inline-block",
    "flow-root",
    "table",
    "inline",
    "contents",
    "inline-flex",
    "list-item",
    "table-cell",
    "-webkit-box",
    "none",
    "inline-grid",
    "flex;flex-direction:column",
    "grid;grid-template-columns:1fr 1fr",
    "grid;grid-template-columns:200px auto",
    "flex;flex-wrap:wrap",
)
_OTHERS = (
    "float:left",
    "float:right",
    "position:absolute",
    "position:relative",
    "position:fixed;left:0;right:0",
    "position:sticky",
    "flex:1",
    "flex:0 0 200px",
    "flex-grow:1",
    "overflow:hidden",
    "overflow-y:scroll",
    "overflow:auto",
    "columns:2",
    "column-gap:1em",
    "zoom:2",
    "aspect-ratio:2",
    "all:unset",
    "clear:both",
    "font-size:30px",
    "text-align:center",
    "transform:scale(2)",
    "grid-column:span 2",
    "align-self:start",
    "justify-self:end",
    "contain:size",
    "scrollbar-gutter:stable",
    "height:200px",
    "height:50%",
    "min-height:400px",
    "direction:rtl",
    "visibility:hidden",
    "margin-inline:auto",
    "line-height:3",
)
_TAGS = (
    "div",
    "div",
    "main",
    "section",
    "p",
    "ul",
    "li",
    "blockquote",
    "article",
    "span",
    "a",
    "fieldset",
    "details open",
    "center",
    "x-y",
    "td",
    "dl",
    "dd",
    "form",
    "h1",
    "button",
    "figure",
    "table",
    "label",
)
_BOUNDS = (
    100,
    200,
    300,
    284,
    400,
    500,
    600,
    667,
    675,
    700,
    800,
    900,
    1000,
    1100,
    1200,
    1294,
    1300,
    1334,
    1350,
)


def containers(site: Site) -> None:
    """A page with a container or two, and both branches of some queries."""
    draw = site.draw
    rules = draw.some(
        lambda: (
            f"{draw.one(('.w', '.o', '.i', 'body', '*', 'html', '.w', 'div', '.o>.w'))}{{{_declarations(site)}}}"
        ),
        most=4,
    )
    kind = draw.one(("inline-size", "inline-size", "inline-size", "size", "normal"))
    rules.insert(
        0,
        f":root{{--w:{draw.one(_LENGTHS[:8])};--e:{draw.one(_EDGES)};--b:{draw.one(_BORDERS)}}}.w{{container-type:{kind}}}{draw.maybe('.o{container:o/inline-size}')}",
    )
    rules += draw.some(lambda: _query(site), most=3)
    tag, outer = draw.one(_TAGS[:6]), draw.one(_TAGS)
    attribute = draw.maybe(f" style='{_declarations(site)}'", of=4)
    beside = draw.maybe("<div class=i>y</div>", of=4)
    inner = f"{beside}<{tag} class=w{attribute}><b>x</b></{tag}>"
    whole = f"<{outer} class=o>{inner}</{outer.partition(' ')[0]}>" if draw.below(3) else inner
    rest = draw.maybe("<style>.o{font-family:x;width:350px}</style>", of=8)
    site.page(f"<!doctype html><title>t</title><style>{''.join(rules)}</style>{rest}{whole}")


def _declarations(site: Site) -> str:
    return ";".join(site.draw.some(lambda: _declaration(site), most=3))


def _declaration(site: Site) -> str:
    draw = site.draw
    important = draw.maybe("!important", of=12)
    match draw.below(8):
        case 0 | 1:
            name = draw.one(
                ("width", "max-width", "min-width", "inline-size", "width", "max-inline-size")
            )
            return f"{name}:{draw.one(_LENGTHS)}{important}"
        case 2 | 3:
            name = draw.one(
                (
                    "padding",
                    "margin",
                    "padding-left",
                    "margin-right",
                    "padding-inline",
                    "margin-inline",
                    "padding-inline-start",
                    "-webkit-margin-start",
                    "margin-left",
                )
            )
            return f"{name}:{draw.one(_EDGES)}{important}"
        case 4:
            name = draw.one(
                (
                    "border",
                    "border-left",
                    "border-width",
                    "border-style",
                    "border-inline",
                    "border-inline-end-width",
                    "border-right-style",
                    "border-block",
                )
            )
            return f"{name}:{draw.one(_BORDERS)}{important}"
        case 5:
            return f"display:{draw.one(_DISPLAYS)}{important}"
        case 6:
            return f"box-sizing:{draw.one(('border-box', 'content-box', 'inherit', 'initial'))}{important}"
        case _:
            return draw.one(_OTHERS)


def _query(site: Site) -> str:
    draw = site.draw
    bound, wide, narrow = draw.one(_BOUNDS), draw.name("png"), draw.name("png")
    name = draw.maybe("o ", of=6)
    first, second = draw.one(
        (
            (f"(width>={bound}px)", f"(width<{bound}px)"),
            (f"(min-width:{bound}px)", f"not (min-width:{bound}px)"),
            (f"(max-width:{bound}px)", f"(width>{bound}px)"),
            (f"(inline-size>{bound}px)", f"(inline-size<={bound}px)"),
            (
                f"({bound}px<=width<={bound + 200}px)",
                f"(width<{bound}px) or (width>{bound + 200}px)",
            ),
            (f"(min-width:{bound // 16}em)", f"(width<{bound // 16}em)"),
            (
                f"(min-width:{bound // 16}rem) and (max-width:9999px)",
                f"(max-width:{bound // 20}rem)",
            ),
            (f"(height>{bound}px)", f"(height<={bound}px)"),
            ("(orientation:landscape)", "(orientation:portrait)"),
            (f"(width>calc({bound}px + 50px))", f"(width<{bound // 14}vw)"),
            ("(width)", "(aspect-ratio>1)"),
            ("(min-aspect-ratio:2/1)", "(max-aspect-ratio:2/1)"),
        )
    )
    inside = draw.maybe(f".w{{{_declarations(site)}}}", of=8)
    return (
        f"@container {name}{first}{{b{{background-image:url({wide})}}{inside}}}"
        f"@container {name}{second}{{b{{border-image-source:url({narrow})}}}}"
    )
