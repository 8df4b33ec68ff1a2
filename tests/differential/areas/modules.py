"""Module scripts: what imports, what looks like it, what cannot run, and import maps."""

# fmt: off
from __future__ import annotations

from collections.abc import Callable

from differential.made import Site

_ODD = (
    "", "", "", "", "// import './no.js'\n", "/* import './no.js' */", "'import \"./no.js\"';", "`import './no.js'`;",
    "/import '.\\/no.js'/;", "var a=1/2/3;", "`${`import './no.js'`}`;", "<!-- import './no.js'\n", "--> import './no.js'\n",
    "#!x\n", "const importx=1;", "let x={import:1,export:2};", "x?.import;", "import.meta;", "()=>import('./no.js');",
    "function f(){import('./no.js')}", "if(0)import('./no.js');", "label:for(;;)break label;", "async()=>{await 1};",
    "await 1;", "with(x){}", "var await;", "let let=1;", "let a,a;", "var a;let a;", "function f(){}var f;", "return;",
    "new.target;", "super();", "yield;", "delete x;", "010;", "'\\01';", "eval=1;", "arguments=1;", "var eval;",
    "let undefined;", "class A{constructor(){}constructor(){}}", "class A{#x;#x}", "this.#x;", "break;", "continue;",
    "x:x:1;", "let [a,a]=[];", "(a,a)=>1;", "function f(a,a){}", "({a:1,a:2});", "({__proto__:1,__proto__:2});", "1++;",
    "a=>{}()", "for(let of x);", "for(let x of y);", "for await(x of y);", "if(1)function g(){}", "if(1)class G{}",
    "/[/", "/(/;", "/a/gg;", "/(?<a>)(?<a>)/;", "/\\u{110000}/u;", "'\\u{110000}';", "`\\u`;", "x`\\u`;", "\\u0061=1;",
    "0b2;", "1_000;", "1__0;", "1n;", "01n;", "0x;", "3in[];", "var a\\u{2F}b;", "a\u00a0=1;", "a\u2028=1;", "'\u2028';",
    "({a=1});", "({a=1}=x);", "[a,...b,]=x;", "function* g(){yield* 1}", "async function g(){await}", "class A extends B{}",
    "class A{static{await}}", "class A{static async *#a(){}}", "a??b||c;", "(a??b)||c;", "-1**2;", "(-1)**2;", "a?.b=1;",
    "new a?.b();", "a?.`x`;", "import", "export", "{", "}", "(", "`", "'", "/*", "\\", "@", "#", "var 1a;", "x y;", "class{}",
    "export{nothere};", "export{a}from'./x.js';let a;", "export default 1;export default 2;", "export let z=1;export{z};",
    "let q;export{q as 'a b'};", "export{'a'};", "using x=y;", "{using x=null}", "await using x=null;", "@dec class A{}",
    "enum X{}", "let static;", "let x:number=1;", "<a/>;", "debugger;", "throw 1;", "var{a}=1;", "null.x;", "undefined_();",
    "try{}catch{}", "try{}", "switch(1){case 1:let a;case 2:let a}", "do;while(0)x", "a\n++b", "a\n/b/g", "goal;", "x=/=/;",
    "`a${b}c`;", "`a${'}'}`;", "a=b\n/re/.x;", "}/x/", "()/x/1;", "a=>a/1;", "if(x)/import '.\\/no.js'/.y;", "x++/y/z;",
    "/[/]/;", "/a\\/b/;", "'a\\\nb';", "'a\nb';", "\"\\\"import './no.js'\";", "'\\x0';", "0.1.toFixed();", "1.a;", "1..a;",
    "\u200b", "\ufeff", "var \u00e9;", "var \U00020000;", "let async;async\n()=>1;", "async()\n=>1;", "get=1;", "a=function(){'use strict';010};",
    "function f(a=1){'use strict'}", "({get a(x){}});", "({set a(){}});", "class A{get constructor(){}}", "class A{static prototype(){}}",
    "for(var i=0 in {});", "for(let i,j of x);", "for(const i;;);", "const c;", "let [z];", "const{y};", "let x1\nlet y1", "var x2 var y2",
    "import.meta=1;", "import.x;", "new import('a');", "import();", "import(...a);", "import('a',);", "typeof import;", "({import(){}});",
    "({async*[Symbol.iterator](){}});", "a=async x=>await x;", "async(await)=>1;", "function await(){}", "(await)=>1;", "class await{}",
    "interface A{}", "let implements;", "var package;", "private=1;", "let yield;", "function f(){await 1}", "async function*f(){for await(x of y);}",
)

_FROM = (
    "import {};", "import {};", "import a from {};", "import*as b from {};", "import{c}from {};", "import d,{e}from {};",
    "import f,*as g from {};", "export*from {};", "export*as h from {};", "export{i}from {};", "export{default}from {};",
    "import{}from {};", "export{}from {};", "import{default as j}from {};", "import{k as l,}from {};", "import{'a b' as m}from {};",
    "export{n as 'x y'}from {};", "export*as 'z'from {};", "import/**/{}", "import\n{}\n", "import a1/*x*/from/*y*/{};", "import*as b1\nfrom\n{}",
    "import {} with{};", "import {} with{type:'json'};", "import o from {} with{type:'json'};", "import p from {} with{type:'css'};",
    "import {} with{type:'x'};", "import {} assert{type:'json'};", "import {} with{a:'b'};", "import q from {} with{'type':'json',};",
    "import r from {} with{type:'json',type:'json'};", "import type s from {};", "import type from {};", "import from from {};", "import as from {};",
    "import{as}from {};", "import{as as as}from {};", "import defer*as t from {};", "import source u from {};", "import a2,from {};",
    "import{a3 b}from {};", "import{if}from {};", "import{if as a4}from {};", "import{a5 as if}from {};", "import{eval}from {};", "import*from {};",
    "import a6,a7 from {};", "import a8 from {} x;", "import{a9,a9}from {};", "import await from {};", "import let from {};", "export a10 from {};",
    "export*,b from {};", "export{a11}from {};", "export default from {};", "export{if}from {};", "export{if as default}from {};", "{import {}}",
    "if(1)import {};", "function f1(){import {}}", "import a12 from\n{}\nimport a13 from'./t.js'", ";import {};", "x=1\nimport {}", "x=1 import {}",
    "export default import {};", "import\u00a0{}", "im\\u0070ort {}", "import a14 f\\u0072om {};", "import {}//", "import {}/*", "import {}, './u.js'",
    "import{\\u0061b}from {};", "import a15=from {};", "import'./v.js'import {}", "import {}with{type:'text'};", "import {}with{type:'bytes'};",
    "export const a16=1;import {}", "export default function(){}import {}", "export default class{}import {}", "export default()=>1;import {}",
    "export default async function(){}\nimport {}", "export default 1\nimport {}", "export function a17(){}import {}", "export async function*a18(){}import {}",
)


def _specifier(site: Site, suffix: str = "js") -> str:
    draw = site.draw
    name = draw.name(suffix)
    plain = f"./{name}"
    value = draw.one(
        (plain, plain, plain, plain, f"{{B}}/{name}", f"{{X}}/{name}", f"./x/../{name}", f"../{name}", name, f"./{name}?a#b",
         "", "./", ".", "bare", "a", "a/", f"a/{name}", "b", "data:text/javascript,1", "data:text/javascript,import '{B}/d.js'",
         "data:text/css,x", "http://", "blob:x", f"./{name}\\n", f".\\\\{name}", f"./é{name}", f"./\\u0061{name}", f"./\\x61{name}",
         f".//{name}", f" ./{name} ", "node:fs", "https:x", f"./{name}%20", "//", f"./a\\\nb{name}", "javascript:1", "about:blank",
         f"%2E/{name}", f".%2F{name}", "HTTP:x.js", "?x", "#x", "./\\u{61}.js", f"./\\141{name}", "c", "@s/p", "@s/p/x.js")
    )
    if draw.happens(6):
        return f'"{value}"'
    return f"'{value}'"


def _module(site: Site, depth: int = 0) -> str:
    draw = site.draw
    if depth < 2 and draw.happens(3):
        # What it imports has something in it, too.
        inner = draw.name("js")
        kind = draw.one(("text/javascript", "text/javascript", "text/javascript", "application/json", "text/html", "text/css", "",
                         "application/javascript", "text/plain", "application/wasm", "text/ecmascript", "application/x-javascript",
                         "text/javascript;charset=utf-8", "TEXT/JAVASCRIPT", "text/json", "video/mp2t"))
        status = draw.one((200, 200, 200, 200, 404, 500))
        site.put(inner, _module(site, depth + 1), kind, status=status)
        statement = draw.one(_FROM[:20]).replace("{}", f"'./{inner}'")
    else:
        statement = draw.one(_FROM).replace("{}", _specifier(site))
    before, after = draw.one(_ODD), draw.one(_ODD)
    return before + statement + after


def modules(site: Site) -> None:
    """A page with some of it."""
    draw = site.draw
    head = draw.one(("", "", "", "<base href=sub/>", _map(site), _map(site), _map(site) + _map(site), _preload(site)))
    parts = draw.some(lambda: _script(site), most=3)
    after = draw.one(("", "", "", "", _map(site), _preload(site)))
    site.page(f"<!doctype html><title>t</title>{head}{''.join(parts)}{after}")


def _script(site: Site) -> str:
    draw = site.draw
    code = _module(site)
    kind = draw.one(("module", "module", "module", "module", "MODULE", "text/javascript", "' module'", "module async", "module nomodule",
                     "module defer", "'module '", "module crossorigin", "module integrity=sha256-x", "module blocking=render",
                     "module crossorigin=use-credentials", "json", "text/babel"))
    if draw.happens(3):
        path = draw.name("js")
        site.put(path, code, draw.one(("text/javascript", "text/javascript", "text/javascript", "text/plain", "", "application/ecmascript",
                                       "application/json", "text/html", "image/png", "text/jscript", "module", "text/javascript; x=y")),
                 status=draw.one((200, 200, 200, 404)))
        host = draw.one(("", "", "{X}/"))
        return f"<script type={kind} src={host}{path}></script>"
    if "</script" in code or "src=" in kind:
        code = "1"
    return f"<script type={kind}>{code}</script>"


def _map(site: Site) -> str:
    draw = site.draw

    def entry() -> str:
        key = draw.one(("a", "a/", "b", "c", "bare", "./1.js", "./", "@s/p", "@s/", "", "A", "a/x", "{B}/2.js", "./x/", "{B}/", "/c", "node:fs",
                        "data:text/javascript,1", " a", "./3.js?a", "../1.js"))
        value = draw.one((f'"./{draw.name("js")}"', f'"{{B}}/{draw.name("js")}"', '"./lib/"', "null", "1", '""', '"bare"', '"./lib"', f'"{draw.name("js")}"',
                          '"{X}/x.js"', '["./no.js"]', '"./a.js","a":"./second.js"', '"http://"', '"data:text/javascript,1"', '"{B}/lib/"', '"../up/"'))
        return f'"{key}":{value}'

    def imports() -> str:
        return "{" + ",".join(draw.some(entry, most=4)) + "}"

    forms: tuple[Callable[[], str], ...] = (
            lambda: f'{{"imports":{imports()}}}',
            lambda: f'{{"imports":{imports()}}}',
            lambda: f'{{"scopes":{{"./":{imports()}}}}}',
            lambda: f'{{"imports":{imports()},"scopes":{{"./":{imports()}}}}}',
            lambda: f'{{"scopes":{{"{{B}}/1.js":{imports()},"sub/":{imports()},"{{B}}/":{imports()}}}}}',
            lambda: f'{{"imports":{imports()},}}',
            lambda: f'{{"imports":{imports()},"x":1}}',
            lambda: f'{{imports:{imports()}}}',
            lambda: "[]",
            lambda: "",
            lambda: '{"imports":[]}',
            lambda: '{"imports":{"a":"./i.js"},"scopes":[]}',
            lambda: f'\ufeff{{"imports":{imports()}}}',
            lambda: f'{{"imports":{imports()},"imports":{imports()}}}',
            lambda: f'{{"imports":{imports()}}} //',
            lambda: f"<!--{{\"imports\":{imports()}}}-->",
            lambda: f'{{"imports":{imports()},"integrity":{{"./1.js":"sha256-x"}}}}',
    )
    text = draw.one(forms)()
    kind = draw.one(("importmap", "importmap", "importmap", "importmap", "IMPORTMAP", "'importmap '", "importmap src=m.json", "importmap nomodule",
                     "importmap-shim", "importmap async", "importmap crossorigin"))
    return f"<script type={kind}>{text}</script>"


def _preload(site: Site) -> str:
    draw = site.draw
    path = draw.name("js")
    site.put(path, _module(site), "text/javascript")
    also = draw.one(("", "", " as=script", " as=style", " as=json", " as=x", " as=worker", " crossorigin", " media=print", " integrity=sha256-x",
                     " as=image", " type=x", " as=''", " as=serviceworker", " as=fetch", " as=audioworklet", " disabled"))
    rel = draw.one(("modulepreload", "modulepreload", "MODULEPRELOAD", "'modulepreload x'", "preload as=script", "preload as=script crossorigin"))
    return f"<link rel={rel} href={path}{also}>"
