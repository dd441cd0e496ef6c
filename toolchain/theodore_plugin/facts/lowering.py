from theodore_plugin.facts.from_ast import lower
from theodore_plugin.facts.model import FactsFailure
def lower_dependency(files):
    facts={}; bad=[]
    for f in files:
        r=lower(f)
        if isinstance(r,FactsFailure): bad.append(r)
        else: facts[f.path]=r
    return facts,tuple(bad)
