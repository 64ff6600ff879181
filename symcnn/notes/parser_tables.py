"""The vocabulary of notation: which command or character is operator, relation, name or mere layout."""

from __future__ import annotations


def _listed(text: str) -> list[str]:
    return text.split()


def _words(text: str) -> frozenset[str]:
    return frozenset(_listed(text))


# --- read by the tokenizer

LAYOUT = _words(
    """
    displaystyle textstyle scriptstyle scriptscriptstyle limits nolimits nonumber notag hfill hfil strut
    mathstrut allowbreak nobreak break relax protect noindent middle thinspace medspace thickspace
    enspace enskip negthinspace negmedspace negthickspace mathrel mathbin mathop mathopen mathclose
    mathord mathinner mathpunct ensuremath smash mathclap mathllap mathrlap centering small large
    normalsize footnotesize par indent , ! : > ; @
    """
)
"""Commands without meaning here; where they take a braced argument, its content simply stays."""

LAYOUT_WITH_ARGUMENT = {
    "label": 1, "tag": 1, "hspace": 1, "vspace": 1, "phantom": 1, "hphantom": 1, "vphantom": 1, "color": 1,
    "textcolor": 1, "colorbox": 1, "definecolor": 3, "hskip": 0, "kern": 0, "mkern": 0, "mskip": 0,
    "vskip": 0,
    "intertext": 0, "shortintertext": 0, "rule": 2, "raisebox": 1, "setlength": 2, "arraystretch": 0,
    "cline": 1, "class": 1, "cssId": 1, "style": 1, "href": 1,
}  # fmt: skip
"""Commands dropped with that many braced arguments; what `\\textcolor` colours stays."""

TEXT_COMMANDS = _words("text textrm textbf textit texttt textsf textnormal textsc textup mbox hbox")

SIZES = {
    prefix + side: side.replace("m", "")
    for prefix in ("big", "Big", "bigg", "Bigg")
    for side in ("", "l", "r", "m")
}

DELIMITERS = {
    "(": "(", ")": ")", "[": "[", "]": "]", "\\{": "{", "\\}": "}", "|": "|", "\\|": "||", ".": ".",
    "/": "/",
    "<": "langle", ">": "rangle", "\\lbrace": "{", "\\rbrace": "}", "\\lbrack": "[", "\\rbrack": "]",
    "\\vert": "|", "\\lvert": "|", "\\rvert": "|", "\\Vert": "||", "\\lVert": "||", "\\rVert": "||",
    "\\langle": "langle", "\\rangle": "rangle", "\\lfloor": "lfloor", "\\rfloor": "rfloor",
    "\\lceil": "lceil", "\\rceil": "rceil", "\\backslash": "backslash", "⟨": "langle", "⟩": "rangle",
    "⌊": "lfloor", "⌋": "rfloor", "⌈": "lceil", "⌉": "rceil", "‖": "||",
}  # fmt: skip

_GREEK = dict(
    zip(
        "αβγδεζηθικλμνξοπρστυφχψωΓΔΘΛΞΠΣΦΨΩϵϕϑϱς",
        _listed("""
        alpha beta gamma delta varepsilon zeta eta theta iota kappa lambda mu nu xi omicron pi rho sigma
        tau upsilon varphi chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Phi Psi Omega epsilon phi
        vartheta varrho varsigma
        """),
        strict=True,
    )
)

CHARACTER_COMMANDS = {
    **_GREEK,
    "∂": "partial", "∇": "nabla", "∞": "infty", "∑": "sum", "∏": "prod", "∫": "int", "√": "sqrt",
    "×": "times", "·": "cdot", "⋅": "cdot", "∗": "ast", "⋆": "star", "★": "star", "⊙": "odot", "∘": "circ",
    "⊗": "otimes", "⊕": "oplus", "⊖": "ominus", "÷": "div", "±": "pm", "∓": "mp", "≤": "le", "≥": "ge",
    "≠": "ne",
    "≈": "approx", "≡": "equiv", "∝": "propto", "∼": "sim", "≃": "simeq", "≅": "cong", "≪": "ll", "≫": "gg",
    "∈": "in", "∉": "notin", "⊂": "subset", "⊆": "subseteq", "∪": "cup", "∩": "cap", "∖": "setminus",
    "→": "to", "←": "gets", "↔": "leftrightarrow", "↦": "mapsto", "⇒": "implies", "⇐": "impliedby",
    "⇔": "iff",
    "⟹": "implies", "⟺": "iff", "⟶": "to", "∴": "therefore", "∵": "because", "≔": "coloneqq", "∧": "land",
    "∨": "lor", "¬": "neg", "∀": "forall", "∃": "exists", "∅": "emptyset", "…": "dots", "⋯": "cdots",
    "⋮": "vdots",
    "⋱": "ddots", "⟨": "langle", "⟩": "rangle", "⌊": "lfloor", "⌋": "rfloor", "⌈": "lceil", "⌉": "rceil",
    "‖": "Vert", "∥": "Vert", "∣": "mid", "⊤": "top", "⊥": "perp", "†": "dagger", "ℓ": "ell",
    "°": "circ", "•": "cdot",
}  # fmt: skip
for _sign in "−–—":  # the minus sign, and dashes that a word processor put in its place
    CHARACTER_COMMANDS[_sign] = "minus"

SCRIPT_CHARACTERS = {
    **dict(zip("⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻⁽⁾ⁱⁿ", "0123456789+-()in", strict=True)),
    "ᵀ": "T", "ˡ": "l", "ᵏ": "k", "ʲ": "j", "ᵐ": "m", "ˣ": "x",
}  # fmt: skip
SUBSCRIPT_CHARACTERS = {
    **dict(zip("₀₁₂₃₄₅₆₇₈₉₊₋₍₎", "0123456789+-()", strict=True)),
    **dict(zip("ᵢⱼₖₗₘₙₚₛₜₓₐₑᵣᵤᵥₕ", "ijklmnpstxaeruvh", strict=True)),
}

# --- read by the parser

RELATIONS = {
    **{name: name for name in ("=", "==", "<", ">", "<=", ">=", ":=", "+=", "-=", "->")},
    "le": "<=", "leq": "<=", "leqslant": "<=", "ge": ">=", "geq": ">=", "geqslant": ">=", "lt": "<",
    "gt": ">",
    "ne": "!=", "neq": "!=", "coloneqq": ":=", "coloneq": ":=", "triangleq": ":=", "eqdef": ":=",
    "to": "->", "rightarrow": "->", "longrightarrow": "->", "xrightarrow": "->", "gets": "<-",
    "leftarrow": "<-", "longleftarrow": "<-", "xleftarrow": "<-", "leftrightarrow": "<->",
    "xleftrightarrow": "<->", "longleftrightarrow": "<->", "mapsto": "mapsto", "longmapsto": "mapsto",
    "xmapsto": "mapsto", "xlongequal": "=", "xequal": "=",
    **{
        name: name
        for name in _listed("""
        approx simeq sim equiv propto cong in notin ni subset subseteq supset supseteq subsetneq ll gg
        prec succ preceq succeq perp parallel asymp leadsto doteq models vdash hookrightarrow
        rightsquigarrow rightleftharpoons lesssim gtrsim approxeq gtrless trianglelefteq bowtie
        """)
    },
}  # fmt: skip
LABELLED_ARROWS = _words("xrightarrow xleftarrow xleftrightarrow xmapsto xlongequal xequal")
NEGATED = {"=": "!=", "in": "notin", "subset": "nsubset", "equiv": "nequiv", "<": ">=", ">": "<="}
RELATION_COMMANDS = {
    "!=": "ne", "<=": "le", ">=": "ge", "->": "to", "<-": "gets", "<->": "leftrightarrow",
    "nsubset": "not\\subset",
    "nequiv": "not\\equiv",
}  # fmt: skip

SEPARATORS = {
    **{name: name for name in (",", ";", ".", ":", "implies", "impliedby", "iff", "therefore", "because")},
    "colon": ":", "mid": "|", "Rightarrow": "implies", "Longrightarrow": "implies", "=>": "implies",
    "Leftarrow": "impliedby", "Longleftarrow": "impliedby", "Leftrightarrow": "iff",
    "Longleftrightarrow": "iff",
    "<=>": "iff", "land": "and", "wedge": "and", "lor": "or", "vee": "or",
}  # fmt: skip
SEPARATOR_STRENGTH = {
    name: strength
    for strength, names in enumerate(
        [
            ["", "."],
            [","],
            [";", ":", "|", "||"],
            ["and", "or"],
            ["quad"],
            ["newline"],
            ["implies", "impliedby", "iff", "therefore", "because"],
        ]
    )
    for name in names
}
SEPARATOR_COMMANDS = {"and": "land", "or": "lor", "newline": "\\", "|": "mid", "||": "Vert"}

SIGNS = {"+": "+", "-": "-", "minus": "-", "pm": "pm", "mp": "mp"}

PRODUCTS = {
    name: name
    for name in _listed("""
        cdot times * ast star odot circ otimes oplus ominus oslash div / @ ** bullet boxtimes circledast
        diamond bmod cup cap setminus backslash amalg ltimes rtimes
        """)
}

DOTS = {"dots": "dots", "ldots": "dots", "dotsc": "dots", "dotsb": "cdots", "dotsm": "cdots",
        "dotsi": "cdots",
        "dotso": "dots", "cdots": "cdots", "vdots": "vdots", "ddots": "ddots", "hdots": "dots"}  # fmt: skip

FONTS = {
    "mathbf": "bf", "boldsymbol": "bm", "bm": "bm", "pmb": "bm", "mathbb": "bb", "mathds": "bb",
    "mathbbm": "bb",
    "mathcal": "cal", "mathscr": "scr", "mathfrak": "frak", "mathrm": "rm", "mathup": "rm", "mathit": "it",
    "mathsf": "sf", "mathtt": "tt", "mathnormal": "it", "Bbb": "bb", "symbf": "bf", "symbb": "bb",
    "symcal": "cal",
    "mathbfit": "bm", "bold": "bf",
}  # fmt: skip
FONT_SWITCHES = {"bf": "bf", "rm": "rm", "it": "it", "cal": "cal", "sf": "sf", "tt": "tt", "bfseries": "bf"}
FONT_COMMANDS = {"bf": "mathbf", "bm": "boldsymbol", "bb": "mathbb", "cal": "mathcal", "scr": "mathscr",
                 "frak": "mathfrak", "rm": "mathrm", "it": "mathit", "sf": "mathsf",
                 "tt": "mathtt"}  # fmt: skip

ACCENTS = {
    "hat": "hat", "widehat": "hat", "tilde": "tilde", "widetilde": "tilde", "bar": "bar", "vec": "vec",
    "dot": "dot",
    "ddot": "ddot", "dddot": "dddot", "check": "check", "breve": "breve", "acute": "acute",
    "grave": "grave",
    "mathring": "mathring", "overline": "overline", "underline": "underline", "overrightarrow": "vec",
    "overleftarrow": "overleftarrow", "widecheck": "check", "underbar": "underline",
}  # fmt: skip

DECORATIONS = {"boxed": "boxed", "fbox": "boxed", "framebox": "boxed", "cancel": "cancel",
               "bcancel": "bcancel",
               "xcancel": "xcancel", "sout": "sout", "enclose": "boxed", "bbox": "boxed"}  # fmt: skip

BIG_OPERATORS = _words(
    """
    sum prod int iint iiint oint coprod bigcup bigcap bigoplus bigotimes bigodot biguplus bigsqcup
    bigvee bigwedge lim limsup liminf
    """
)
BIG_WORDS = _words("sum prod max min argmax argmin sup inf")
"""Names that are big operators where they have limits below, and functions where they have not."""

FUNCTION_COMMANDS = _words(
    """
    log ln lg exp sin cos tan cot sec csc sinh cosh tanh coth arcsin arccos arctan det dim ker rank tr
    deg gcd hom Pr arg max min sup inf
    """
)

FUNCTION_NAMES = _words(
    """
    log ln exp sin cos tan sinh cosh tanh softmax softplus relu leakyrelu sigmoid sigm logsumexp lse tr
    trace diag vec det rank sign sgn abs erf gelu elu selu swish silu conv conv1d conv2d conv3d deconv
    convtranspose rot180 rot flip flatten reshape unflatten maxpool avgpool meanpool pool upsample kron
    argmax argmin max min sum mean avg average var std cov onehot im2col col2im pad norm batchnorm
    layernorm dropout loss softargmax bn fc mlp ce bce mse dot matmul transpose concat sqrt where log2
    log10 log1p expm1 clip prod
    """
)
"""Names that are functions however they are typed; compared in lower case, without hyphens."""

NAMES = FUNCTION_NAMES | _words(
    """
    axis keepdims true false none np torch tf new old out row col avg val prev next pred true train test
    total input output hidden target height width stride padding kernel batch size channels shape grad
    error lr rgb full valid data model real fake gen reg prior post base init ref dim left right up down
    loss cost num depth filter bias weight
    """
)
"""What a run of bare letters can be read as; other runs are letters side by side."""

PROSE = _words(
    """
    if and or otherwise else where for when then hence so thus since because therefore with as such that
    is are be will of in on at by from to the a an we let given all each every any not no if iff
    respectively i.e. e.g. i.e e.g resp while whereas which this these those it its has have case cases
    note here but using via see than under over after before define denote elsewhere again also only
    between both does do becomes means equals same ex eg ie otherwise, if, where, and, example undefined
    """
)
"""Words that join formulas rather than name anything in them."""

RAW_PROSE = _words("if otherwise else when where then and")
"""Of these, the ones that are recognised when typed as bare letters."""

ALIGNED = _words(
    """
    align aligned alignat alignedat eqnarray split gather gathered multline multlined flalign equation
    displaymath math dmath xalignat subequations empheq dgroup IEEEeqnarray
    """
)
MATRICES = {
    "matrix": (".", "."), "array": (".", "."), "smallmatrix": (".", "."), "tabular": (".", "."),
    "pmatrix": ("(", ")"), "psmallmatrix": ("(", ")"), "bmatrix": ("[", "]"), "bsmallmatrix": ("[", "]"),
    "Bmatrix": ("{", "}"), "vmatrix": ("|", "|"), "Vmatrix": ("||", "||"),
}  # fmt: skip
CASES = _words("cases dcases rcases drcases numcases subnumcases")

CLOSING = {"(": ")", "[": "]", "{": "}", "|": "|", "||": "||", "langle": "rangle", "lfloor": "rfloor",
           "lceil": "rceil", ".": "."}  # fmt: skip
