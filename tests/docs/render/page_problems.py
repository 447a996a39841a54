"""A page in a browser: when it is there, and what is wrong with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from axe_playwright_python.sync_playwright import Axe  # type: ignore[import-untyped]

if TYPE_CHECKING:
    from playwright.sync_api import Page

# What KaTeX draws is hidden from assistive technology.
NOT_KATEX = {"exclude": [".katex"]}
COLOURS = {"runOnly": ["color-contrast", "link-in-text-block"]}
STRUCTURE = {"rules": {rule: {"enabled": False} for rule in COLOURS["runOnly"]}}

STILL = """() => document.fonts.status === "loaded"
    && document.getAnimations().every(animation => animation.playState !== "running"
        || animation.timeline !== document.timeline)"""
RENDERED = """() => !document.querySelector(".arithmatex:not(:has(.katex, .katex-error))")"""
FORMULAS_ON_PAPER = """() => [...document.querySelectorAll(".arithmatex .katex")]
    .filter(formula => formula.getClientRects().length).length"""
# KaTeX writes an unknown command in red and calls it no error. What sticks out inside something
# that scrolls does not widen the page.
LAYOUT_PROBLEMS = """() => {
    const root = document.documentElement, lines = []
    const every = selector => [...document.querySelectorAll(selector)]
    const scrolled = element => element && element !== document.body
        && (getComputedStyle(element).overflowX !== "visible" || scrolled(element.parentElement))
    for (const element of every(".arithmatex:not(:has(.katex, .katex-error))"))
        lines.push(`not rendered: ${element.textContent.trim()}`)
    for (const element of every(".katex-error, .katex math [mathcolor='#cc0000']"))
        lines.push(`KaTeX refuses: ${element.title || element.textContent}`)
    for (const element of every(".formula"))
        if (element.scrollWidth > element.clientWidth && element.tabIndex < 0)
            lines.push(`scrolls without focus: ${element.textContent.trim()}`)
    for (const element of every(".md-content *")) {
        const style = getComputedStyle(element)
        const scrolls = element.scrollWidth > element.clientWidth + 1
            && ["auto", "scroll"].includes(style.overflowX) && element.checkVisibility()
        if (scrolls && (style.maskImage === "none"
            || style.getPropertyValue("--from-right").trim() === "0px"))
            lines.push(`scrolls without a fading edge: ${element.outerHTML.slice(0, 80)}`)
    }
    if (root.clientWidth < 600)
        for (const link of every(".md-content :is(a[href], button)"))
            if (link.checkVisibility({visibilityProperty: true, opacityProperty: true})
                && !link.matches("pre a, .md-code__button, .headerlink"))
                for (const box of link.getClientRects())
                    if (box.height && box.height < 24)
                        lines.push(`${box.height} px are no target: ${link.outerHTML.slice(0, 80)}`)
    const texts = document.createTreeWalker(document.querySelector(".md-content, main"), 4)
    while (texts.nextNode()) {
        if (texts.currentNode.parentElement.closest("pre, svg, script, .katex")) continue
        for (const match of texts.currentNode.data.matchAll(/\\d(?:\\.\\d+)?e-\\d+/g)) {
            const range = document.createRange()
            range.setStart(texts.currentNode, match.index)
            range.setEnd(texts.currentNode, match.index + match[0].length)
            if (new Set([...range.getClientRects()].map(box => box.top)).size > 1)
                lines.push(`a number is broken: ${match[0]}`)
        }
    }
    if (root.scrollWidth > root.clientWidth) {
        const beyond = every("body *").find(element => !scrolled(element.parentElement)
            && element.getBoundingClientRect().right > root.clientWidth + 0.5)
        const which = beyond ? beyond.outerHTML.slice(0, 120) : "nothing that can be named"
        lines.push(`${root.scrollWidth} wide on ${root.clientWidth}, because of ${which}`)
    }
    return lines
}"""
# Colours depend on tags, classes and styles: of the texts that have all of them in common, up to
# the root, the first stands for the others. A link and what is around it stay, to be told apart.
ONE_TEXT_OF_EACH_KIND = """() => {
    for (const formula of document.querySelectorAll(".katex")) formula.replaceChildren()
    const kinds = new Map(), known = new Map()
    const kind = element => {
        if (!element) return 0
        if (known.has(element)) return known.get(element)
        const style = getComputedStyle(element), drawn = [
            style.color, style.fill, style.backgroundColor, style.opacity, style.fontSize,
            style.fontWeight,
        ]
        const whole = [kind(element.parentElement), element.localName, element.classList, ...drawn]
        const name = whole.join(" ")
        if (!kinds.has(name)) kinds.set(name, kinds.size + 1)
        known.set(element, kinds.get(name))
        return known.get(element)
    }
    const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT)
    const met = new Set(), others = []
    while (texts.nextNode()) {
        const text = texts.currentNode, within = text.parentElement
        if (!text.data.trim() || within.closest("a") || within.querySelector("a")) continue
        if (met.has(kind(within))) others.push(text)
        met.add(kind(within))
    }
    for (const text of others) text.remove()
}"""
PRINT_PROBLEMS = """() => {
    const lines = []
    for (const element of document.querySelectorAll("nav, .md-header"))
        if (element.checkVisibility()) lines.push(`is printed: ${element.className}`)
    for (const element of document.querySelectorAll(".formula"))
        if (element.scrollWidth > element.clientWidth)
            lines.push(`cut off on paper: ${element.textContent.trim()}`)
    return lines
}"""


def settle(page: Page) -> None:
    """Wait until every formula and font is there and nothing moves."""
    page.wait_for_function(RENDERED)
    page.wait_for_function(STILL)


def visit(page: Page, address: str) -> None:
    """Open a page as a reader sees it."""
    page.goto(address)
    settle(page)


def layout_problems(page: Page) -> list[str]:
    """What a reader would see go wrong: formulas, overflow."""
    lines: list[str] = page.evaluate(LAYOUT_PROBLEMS)
    return lines


def access_problems(
    page: Page, rules: dict[str, Any], where: dict[str, Any] = NOT_KATEX
) -> list[str]:
    """The rules of axe-core that a page breaks, each with the first element that does."""
    options = rules | {"resultTypes": ["violations"], "preload": False}
    violations = Axe().run(page, where, options).response["violations"]
    return [
        f"axe {violation['id']}, {len(violation['nodes'])} times: {node['target']}: "
        + " ".join(node["failureSummary"].split())
        for violation in violations
        for node in violation["nodes"][:1]
    ]
