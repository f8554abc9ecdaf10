"""What `/docs` shows, made from the dialects' endpoints and the model's own types, so that it can't lag behind them.

contracts   the four dialects as data: endpoints, import formats, words for refusals
openapi     endpoints -> the OpenAPI document
facts       an example of each kind of fact; the kinds of identifiers
columns     what a row of each import format may say
samples     a request for each endpoint, as a command to copy
shapes      a JSON schema -> a table that a person reads
html        all of it -> one page, without scripts and without anything from elsewhere
"""
