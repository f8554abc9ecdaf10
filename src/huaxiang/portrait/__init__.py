"""The quality check: rules on what was said -> portraits, each with its evidence. Pure: no store, no clock, no network.

    load       a YAML text -> a Ruleset, or all that is wrong with it, by line (reading, document)
    Ruleset    what rules are: frozen, versioned, through msgspec and back (rules)
    Checker    a ruleset over calls -> hits; its examples -> failures (check; spoken, conditions, metrics, examples)

Below: text (one spelling for one text), pattern (an expression for two engines), engines (RE2 and Hyperscan).
The language itself is described in the README beside this.
"""

from huaxiang.portrait.check import Checker, Failure, Hit
from huaxiang.portrait.reading import Problem, RulesInvalid, load
from huaxiang.portrait.rules import Portrait, Rule, Ruleset

__all__ = ["Checker", "Failure", "Hit", "Portrait", "Problem", "Rule", "RulesInvalid", "Ruleset", "load"]
