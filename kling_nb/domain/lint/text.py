"""Rules about prompts and the guidance number."""

from __future__ import annotations

import re
from typing import Final

from kling_nb.domain.capabilities import MODELS, cfg_scale_documented
from kling_nb.domain.lint.facts import Place, Problems, error, info, warning
from kling_nb.domain.request import VideoRequest

_SECRETS: Final = (
    ("a Kling API key", re.compile(r"api-key-kling-\S+", re.IGNORECASE)),
    ("a signed token", re.compile(r"\beyJ[\w-]{8,}\.[\w-]{8,}\.[\w-]*")),
    ("a bearer credential", re.compile(r"\bbearer\s+[\w.~+/-]{16,}", re.IGNORECASE)),
    ("an API key", re.compile(r"\b(?:sk|pk|rk|ghp|gho|xox[bp]|hf)[-_][\w-]{16,}|\bAK(?:IA|LT)\w{12,}")),
    (
        "a password or key",
        re.compile(r"\b(?:password|secret|api[_ -]?key|token)\s*[:=]\s*\S{6,}", re.IGNORECASE),
    ),
    ("a long random-looking word", re.compile(r"\b(?=\w*\d)(?=\w*[A-Za-z])[A-Za-z0-9]{32,}\b")),
)

_MOTION: Final = re.compile(
    r"""\b(?:
    accelerat|advanc|approach|arriv|ascend|billow|bend|blink|bloom|blow|bob|bounc|bow|break|breath|brush|burn|
    burst|camera|captur|carr|chang|chas|circl|clap|climb|clos|collaps|com(?:e|es|ing)\b|crash|crawl|cross|crumbl|
    cry|danc|dart|dash|depart|descend|dissolv|div(?:e|ing)|doll(?:y|ies)|drift|driv|drop|emerg|enter|erupt|expand|
    explod|fad|fall|fell|flap|flash|flicker|flip|float|flow|flut|fly|flies|flew|fold|follow|gallop|gath|gaz|
    gestur|glid|glow|go(?:es|ing)?\b|grow|hang|head|hop|hover|hurr|jog|jump|kick|laugh|lean|leap|leav|lift|
    look|lower|march|melt|morph|motion|mov|nod|open|orbit|paddl|pan(?:s|ning)?\b|pass|pick|plung|point|pour|
    pull|puls|push|quak|rac(?:e|es|ing)|rais|reach|reced|revers|rid(?:e|es|ing)|rippl|ris(?:e|es|ing)|roam|
    roar|rock|roll|rotat|row|run|rush|rustl|sail|scatter|scroll|set(?:s|ting)\b|shak|shift|shimmer|shin|
    sing|sip|sit(?:s|ting)?\b|skat|slid|slow|smil|smok|snow(?:s|ing)|soar|spark|speak|spill|spin|splash|
    spray|spread|sprint|stand(?:s|ing)\s+up|start|step|stir|stretch|strid|stroll|surg|sway|swap|sweep|swell|
    swim|swing|swirl|switch|talk|throw|tilt|to(?:ward|wards)\b|trac|transform|transition|travel|trembl|
    trot|tumbl|turn|twirl|twist|twitch|typ(?:e|es|ing)|unfold|vibrat|wad(?:e|es|ing)|wak|walk|wander|wav|
    whirl|wink|zoom
    )""",
    re.IGNORECASE | re.VERBOSE,
)
"""Stems of words that say what moves; a miss costs one needless hint, a false hit costs nothing."""


def lengths(request: VideoRequest, at: Place) -> Problems:
    """L19: characters are counted; many UTF-8 bytes are worth a warning."""
    for name, text, limit in (
        ("prompt", request.prompt, at.door.prompt_characters(request.model_name)),
        ("negative_prompt", request.negative_prompt, at.door.negative_prompt_limit),
    ):
        over = len(text) - limit
        size = len(text.encode())
        if over > 0:
            message = f"{name} has {len(text)} characters, {over} more than {limit}"
            yield error("L19", name, message, f"cut {over} characters")
        elif size > limit:
            message = f"{name} has {len(text)} characters but {size} bytes; the service may count bytes"
            yield warning("L19", name, message, f"keep it below {limit} bytes if it is refused")


def empty(request: VideoRequest, at: Place) -> Problems:
    """L20: an empty prompt; some models refuse it unless the shots carry the words."""
    if request.prompt.strip() or (request.multi_shot and request.shot_type == "customize"):
        return
    fix = "say what moves and how"
    if request.form == "text2video":
        message = "there is neither a picture nor a prompt"
        yield error("L20", "prompt", message, "give image=, prompt= or both", forceable=False)
    elif request.form == "extend":
        yield info("L20", "prompt", "prompt is empty: the video goes on as it likes", fix)
    elif at.door.needs_words(request.model_name):
        yield error("L20", "prompt", f"prompt is empty; {request.model_name} refuses that", fix)
    else:
        yield warning("L20", "prompt", "prompt is empty; kling-v3 would refuse it", fix)


def guidance(request: VideoRequest, _at: Place) -> Problems:
    """L21 and L22: range of cfg_scale, and whether it does anything."""
    value = request.cfg_scale
    if value is None:
        return
    if not 0 <= value <= 1:
        yield error("L22", "cfg_scale", f"cfg_scale={value:g} is outside 0...1", "use 0 to 1 (default 0.5)")
    if request.model_name in MODELS and not cfg_scale_documented(request.model_name):
        message = f"cfg_scale has no documented effect on {request.model_name}"
        yield warning("L21", "cfg_scale", message, "leave it out, or use kling-v1, v1-5 or v1-6")


def secrets(request: VideoRequest, _at: Place) -> Problems:
    """L39: text that looks like a secret; it is named by kind, never repeated."""
    texts = {"prompt": request.prompt, "negative_prompt": request.negative_prompt}
    texts |= {"multi_prompt": " ".join(shot.prompt for shot in request.multi_prompt)}
    for name, text in texts.items():
        kinds = [kind for kind, pattern in _SECRETS if pattern.search(text)]
        if kinds:
            message = f"{name} holds what looks like {kinds[0]}"
            yield info("L39", name, message, "remove it: prompts are sent, logged and shared")


def motion_words(request: VideoRequest, _at: Place) -> Problems:
    """L40: nothing says what moves."""
    steered = request.has_brush or request.camera_control is not None or request.multi_shot
    words = request.prompt.strip()
    # Only English stems are known; other scripts are not judged.
    if steered or not words or not words.isascii() or _MOTION.search(words):
        return
    message = "the prompt names no motion, and there is no brush and no camera"
    yield warning("L40", "prompt", message, 'say what moves and how, e.g. "the boat drifts left"')


RULES: Final = (lengths, empty, guidance, secrets, motion_words)
