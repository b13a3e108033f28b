"""Accounting terms and the phrases that documents print instead.

Documents seldom print a ratio; they print the figures it is computed from. A query with a term on the left of `TERMS`
is searched for the phrases on the right as well. The terms are those of textbooks.
"""

from __future__ import annotations

import re

_INCOME = "consolidated statements of income operations earnings"
_BALANCE = "consolidated balance sheets"
_CASH = "consolidated statements of cash flows"
_SALES = "revenues net sales"
_COST = "cost of sales; cost of revenues; cost of goods sold"
_CURRENT = "total current assets; total current liabilities"
_OPERATING = "operating income; income from operations"
_EQUITY = "total shareholders stockholders equity"

TERMS: dict[str, str] = {
    r"ebitda": f"operating income; depreciation and amortization; interest expense; {_INCOME}; {_CASH}",
    r"ebit|operating (?:margin|profit)": f"{_OPERATING}; {_SALES}; {_INCOME}",
    r"gross (?:profit )?margins?|gross profit": f"gross profit; {_COST}; {_SALES}; {_INCOME}",
    r"(?:net|profit) margins?|net profit": f"net income; net earnings; {_SALES}; {_INCOME}",
    r"current ratio|working capital": f"{_CURRENT}; {_BALANCE}",
    r"quick ratio|acid test": f"cash and cash equivalents; accounts receivable; {_CURRENT}; {_BALANCE}",
    r"cash ratio": f"cash and cash equivalents; short-term investments; {_CURRENT}; {_BALANCE}",
    r"inventor(?:y|ies) turnover|turns? (?:of )?inventory|days (?:of )?inventory|dio": (
        f"inventories; {_COST}; {_INCOME}; {_BALANCE}"
    ),
    r"receiv\w* turnover|days (?:of )?sales outstanding|dso": f"accounts receivable; {_SALES}; {_INCOME}; {_BALANCE}",
    r"payables? turnover|days (?:of )?payables?|dpo": f"accounts payable; {_COST}; {_INCOME}; {_BALANCE}",
    r"cash conversion cycle": (
        f"inventories; accounts receivable; accounts payable; {_COST}; {_SALES}; {_INCOME}; {_BALANCE}"
    ),
    r"fixed asset turnover|capital[- ]intensive|pp&?n?e": f"property plant and equipment net; {_SALES}; {_BALANCE}",
    r"asset turnover": f"total assets; {_SALES}; {_INCOME}; {_BALANCE}",
    r"return on (?:average )?(?:total )?assets|roa": f"net income; total assets; {_INCOME}; {_BALANCE}",
    r"return on (?:average )?equity|roe": f"net income; {_EQUITY}; {_INCOME}; {_BALANCE}",
    r"return on (?:invested )?capital(?: employed)?|roce|roic|invested capital|capitali[sz]ation ratio": (
        f"operating income; total assets; total current liabilities; long-term debt; {_EQUITY}; {_INCOME}; {_BALANCE}"
    ),
    r"debt|leverage|gearing": (
        f"long-term debt; current portion of long-term debt; short-term borrowings; total liabilities; {_BALANCE}"
    ),
    r"(?:stock|share)holders?['’]? equity|equity (?:ratio|multiplier)|(?:to|average) equity": f"{_EQUITY}; {_BALANCE}",
    r"interest coverage|times interest": f"interest expense; operating income; {_INCOME}",
    r"effective tax|tax rate": f"provision for income taxes; income before income taxes; effective tax rate; {_INCOME}",
    r"capex|capital expenditures?": (
        f"purchases of property plant and equipment; capital expenditures; investing activities; {_CASH}"
    ),
    r"free cash flow": (
        f"net cash provided by operating activities; purchases of property plant and equipment; {_CASH}"
    ),
    r"operating cash flow|cash flow from operat\w+": f"net cash provided by operating activities; {_CASH}",
    r"dividend payout|pa(?:y|ys|id|ying) (?:\w+ )?dividends?": (
        f"dividends paid; dividends declared per share; financing activities; {_CASH}"
    ),
    r"repurchas\w+|buybacks?": f"repurchases of common stock; financing activities; {_CASH}",
    r"(?:total|current) assets|liabilit(?:y|ies)|goodwill|balance sheet": (
        f"{_BALANCE}; total assets; total liabilities"
    ),
    r"cash (?:and|&) (?:cash )?equivalents|accounts (?:payable|receivable)|retained earnings|common equity": _BALANCE,
    r"book value": f"{_EQUITY}; {_BALANCE}",
    r"net (?:income|earnings|loss)|cogs|sg&a|r&d expenses?|pre-?tax (?:income|profit)": _INCOME,
    r"cogs": _COST,
    r"sg&a": "selling, general and administrative expenses",
    r"d&a": f"depreciation and amortization; {_CASH}",
    r"(?:operating|investing|financing) activities": _CASH,
    r"(?:revenue|sales) growth|growth rate|net sales|revenues?|sales": f"{_SALES}; {_INCOME}",
    r"earnings per share|eps": f"net income per share basic diluted; {_INCOME}",
    r"securities (?:are )?registered": "title of each class; trading symbol; name of each exchange",
    r"legal battles|litigation|lawsuits?": "legal proceedings; litigation; contingencies",
}
"""Pattern of a term (whole words, any case) -> phrases, separated by semicolons."""
_COMPILED = [
    (re.compile(rf"(?<![^\W_])(?:{term})(?![^\W_])", re.IGNORECASE), TERMS[term].split("; ")) for term in TERMS
]


def related_phrases(text: str) -> list[str]:
    """Distinct phrases for the terms in `text`, in the order of the table."""
    plain = " ".join(text.replace("_", " ").split())
    return list(dict.fromkeys(phrase for term, phrases in _COMPILED if term.search(plain) for phrase in phrases))
