"""Templates that cover the language construct by construct: whole templates, and expressions that are printed."""

CONTEXT = {
    "s": "Hello World", "u": "Gr\u00fc\u00dfe \U0001f999 \u4f60\u597d", "ml": "a\n\n  b\nc ", "n": 7, "f": 2.5, "t": True, "z": None, "neg": -3,
    "l": [3, 1, 2], "ls": ["b", "A", "c"], "e": [], "mixed": [1, "a", None, True, 2.0],
    "d": {"b": 1, "a": [1, 2], "items": "key", "C": {"x": "y"}}, "empty": {},
    "users": [{"name": "Ann", "age": 30, "at": {"city": "X"}}, {"name": "bob", "age": 25}, {"name": "Cy", "age": 30, "at": {"city": "y"}}],
    "html": "<a href='x'>&\"</a>",
}

EXPRESSIONS = r"""
1 + 2 * 3 ** 2
-2 ** 2
2 ** 3 ** 2
2 ** -1
7 // 2, -7 // 2, 7 // -2, 7 % 3, -7 % 3, 7 % -3
7.5 // 2, -7.5 // 2, 7.5 % 2, -7.5 % 2, 1e300 * 1e10
1 / 2, 4 / 2, 1 / 0
1 // 0
1 % 0
1.0 / 0
true + true, true * 3, false - 1
9223372036854775807
1_000, 0x1F, 0o17, 0b101, 1.5e3, 1e-7, 1_0.5, 12e2
0.1 + 0.2, 1e16, 1e15, 123456789.123, 1e-5, 0.0001, 5.0, -0.0, 1e22, 2.5e-10
'a' 'b' "c"
'a\tb\n\x41\u00e9\101\'\"\\ \q \é'
"a" + 'b', 'ab' * 3, 3 * 'ab', 'ab' * -1, [1] * 2, (1,) + (2,)
'a' + 1
1 + 'a'
[1] + (2,)
'a' ~ 1 ~ none ~ true ~ [1, 'x'] ~ 2.0
1 < 2 < 3, 1 < 3 < 2, 3 > 2 >= 2 != 1, 1 == 1.0, true == 1, '1' == 1
'a' < 'b', [1, 2] < [1, 3], (1, 2) <= (1, 2), 'Z' < 'a'
1 < 'a'
none < 1
{} < {}
1 in [1, 2], 'a' in 'abc', 'x' not in 'abc', 'a' in {'a': 1}, 1.0 in [1]
1 in 'abc'
1 in 5
1 in none
'a' in missing
missing in [1]
missing in 'abc'
not 1, not '', not none, not [], not {}, not 0.0, not missing
1 and 2, 0 and 2, 1 or 2, 0 or '', none or missing or 'x'
not 1 == 2, not 1 in [1]
'yes' if n > 5 else 'no'
'yes' if n < 5
('yes' if n < 5) is defined
1 if 0 else 2 if 0 else 3
missing
missing.x
missing['x']
missing + 1
-missing
missing == missing, missing == none, missing != 1
missing < 1
missing()
missing|length, missing|list, missing|upper, missing|join(','), missing|first|default('q')
missing|int
missing|default('d'), d.nope|default('d'), ''|default('d'), ''|default('d', true), none|default('d'), 0|d(1, boolean=true)
d.nope.x
d.b, d['b'], d.items is defined, d['items'], d.C.x, d['C']['x']
d.items is callable, d['items'] is string
d.items()|list, d.keys()|list, d.values()|list, d.items()|length
d.items(), d.keys(), d.values()
d.get('b'), d.get('q'), d.get('q', 5), d.get(none, 1)
d.get([1])
d.pop('b')
d.update({'x': 1})
d.update is defined, d.pop is defined, d.setdefault is defined, l.append is defined
l.append(1)
l.sort()
d.copy() == d, l.copy(), l.index(1), l.count(3), (1, 2).index(2)
l.index(9)
l[0], l[-1], l[5], l['x'], l.0, l[true]
l[1:], l[:2], l[::-1], l[-2:], l[5:], l[::2], l[2:0:-1], l[none:1]
l[::0]
s[0], s[-1], s[99], s[1:4], s[::-1], s[-5:], u[0], u[3:5], u[::-1], u[6]
(1, 2, 3)[1:], range(10)[2:5], range(10)[3], range(10)[-1], range(0, 10, 3)|list, range(5)[::-1]
d[1:2]
5[0], none[0]
missing[1:]
l[1.5], l['1']
[], {}, (), (1,), [1, 'a', none, true, 1.5], {'a': 1, 2: [3]}, {1: 1, true: 2, 1.0: 3}
{[1]: 2}
{'a': 1, 'a': 2}
[[], [[]], {'x': {}}]
['it\'s', "q\"", 'both\'"', '\n\t\\', '\x07\u200b\xa0é\U0001f600']
[missing]
u|length, u|upper, u|lower, 'straße'|upper, 'ΑΣ ΣΑΣ.'|lower, 'ǆ'|capitalize, 'ﬁx'|title, 'İ'|lower
s.upper(), s.lower(), s.swapcase(), 'hello wORLD'.title(), 'hELLO'.capitalize(), "it's a-b"|title, "it's a-b".title()
'  x '.strip() ~ '|', '  x '.lstrip() ~ '|', '  x '.rstrip() ~ '|', 'xxaxx'.strip('x'), 'abcba'.strip('ab'), '\u00a0\u3000x\x1f'.strip()
'a,b,,c'.split(','), 'a b  c '.split(), ' a b c'.split(none, 1), 'a,b,c'.split(',', 1), 'a,b,c'.rsplit(',', 1), ' a b c '.rsplit(none, 1), ''.split(), ''.split(',')
'a b'.split(sep=' ', maxsplit=1)
'abc'.split('')
'a\nb\r\nc\x0bd\u2028e\n'.splitlines(), 'a\nb\n'.splitlines(true), ''.splitlines()
'a-b-c'.partition('-'), 'a-b-c'.rpartition('-'), 'abc'.partition('-'), 'abc'.rpartition('-')
s.startswith('He'), s.startswith(('x', 'H')), s.endswith('ld'), s.endswith(('a', 'd')), s.startswith('lo', 3), s.startswith('He', 0, 1)
s.startswith(1)
s.find('o'), s.find('o', 5), s.rfind('o'), s.find('q'), s.index('W'), s.count('o'), s.count(''), u.find('你'), u.rfind('é')
s.index('q')
s.replace('o', '0'), s.replace('o', '0', 1), 'aaa'.replace('', '-'), 'aaa'.replace('', '-', 2), s|replace('l', 'L'), s|replace('l', 'L', 2), 12|replace(1, 3)
'-'.join(['a', 'b']), ''.join('abc'), ','.join(d)
','.join([1])
'abc'.removeprefix('a'), 'abc'.removesuffix('c'), 'abc'.removeprefix('x')
'x'.center(5), 'ab'.center(5, '*'), 'x'.ljust(3) ~ '|', 'x'.rjust(3, '.'), '-5'.zfill(4), 'é'|center(4) ~ '|', 'a\tb'.expandtabs(4)
'123'.isdigit(), '12a'.isalnum(), 'abc'.isalpha(), ' '.isspace(), 'Abc'.istitle(), 'ABC'.isupper(), 'abc'.islower(), '²'.isdigit(), '½'.isnumeric(), '٣'.isdecimal(), 'a b'.isidentifier(), ''.isalpha(), 'é'.isascii()
'{} {}'.format(1, 'a'), '{1} {0}'.format(1, 2), '{a} {b[0]} {c.x}'.format(a=1, b=[2], c={'x': 3}), '{{}}'.format(), '{!r}'.format('x')
'{:>5}|{:<5}|{:^5}|{:*^5}'.format('a', 'b', 'c', 'd'), '{:05d} {:+d} {:x} {:#x} {:b} {:,} {:_}'.format(42, 5, 255, 255, 5, 1234567, 1234567)
'{:.2f} {:8.3f} {:e} {:g} {:.3g} {:%} {:.1%} {:,.2f} {:010.2f}'.format(3.14159, 2.5, 12345.678, 1e10, 1234.5, 0.25, 0.256, 12345.678, -3.14159)
'{:.3}'.format('abcdef'), '{:5}|{:5}'.format(1, 'a'), '{:{w}}|'.format('x', w=4), '{:.2}|{:}'.format(3.14159, 2.0)
'{} {0}'.format(1)
'{}'.format()
'{x}'.format()
'{:d}'.format('a')
'{:>5}'.format([1])
'{'.format()
'%s %d %5.2f %x %% %r' % ('a', 3, 2.5, 255, 'q'), '%s' % 1, '%(a)s-%(b)03d' % {'a': 1, 'b': 2}, '%5s|%-5s|' % ('a', 'b'), '%s' % [1], '%c%c' % ('x', 65), '%+d % d' % (1, 2), '%e %g %G' % (1.5, 1e-10, 1e20), '%.3s' % 'abcdef', '%*d' % (5, 3)
'%d %x' % (9223372036854775807, 255), '%i' % -3.9, 1250|round(-2), 1350|round(-2), -1250|round(-2), 1251|round(-2), -15|round(-1), 25|round(-1), 7|round(-3), 2.5|round(none), 5|round(none)
'%s %s' % 'a'
'%d' % 'a'
'%s' % (1, 2)
'%' % 1
'%s and %s'|format('a', 2), '%(x)s'|format(x=5)
s|upper, s|lower, s|title, s|capitalize, '  x '|trim ~ '|', 'xxaxx'|trim('x'), 5|trim, none|upper
s|length, l|length, d|length, l|count, (1, 2)|length
5|length
none|length
l|first, l|last, e|first, s|first, s|last, d|first, d|last, (1,)|first
none|first
5|last
s|list, d|list, range(3)|list, none|default([])|list
5|list
'42'|int, '42.7'|int, 'x'|int, 'x'|int(5), '0x1f'|int(0, 16), '0x1f'|int(base=0), ' 12 '|int, '1_000'|int, 3.9|int, -3.9|int, true|int, none|int, [1]|int, '1e3'|int, 'inf'|int, '٣٤'|int, ''|int(7)
'1.5'|float, 'x'|float, 'x'|float(2.5), 3|float, none|float, 'inf'|float, '-1e3'|float, 'nan'|float, '1_0.5'|float, ' 2 '|float
5|string, none|string, true|string, [1]|string, 1.0|string, missing|string
-5|abs, (-5)|abs, (-2.5)|abs, true|abs
'a'|abs
2.5|round, 3.5|round, 2.675|round(2), 42.55|round(1, 'floor'), 42.51|round(1, 'ceil'), 5|round, 1234.567|round(-2), 1250|round(-2), 1.005|round(2), -2.5|round, 5|round(0, 'ceil'), 1e300|round(2)
'a'|round
2|round(1, 'x')
l|join(','), ls|join, users|join(', ', attribute='name'), s|join('-'), l|join(1), mixed|join('|'), users|join(attribute='at.city')
l|sort, ls|sort, ls|sort(case_sensitive=true), l|sort(reverse=true), l|sort(true), users|sort(attribute='age,name')|map(attribute='name')|list, users|sort(attribute='name', reverse=true)|map(attribute='name')|list, 'hello'|sort, d|sort
mixed|sort
l|min, l|max, ls|min, ls|max, e|max|default('none'), users|max(attribute='age'), s|max, [[1, 2], [1, 3]]|max
mixed|max
l|sum, users|sum(attribute='age'), l|sum(start=10), [0.1, 0.2]|sum, [[1], [2]]|sum(start=[]), e|sum
ls|sum
l|reverse|list, s|reverse, d|reverse|list, (1, 2)|reverse|list, e|reverse|list
5|reverse
[1, 1.0, true, '1', 'a', 'A']|unique|list, ['a', 'A']|unique(case_sensitive=true)|list, users|unique(attribute='age')|map(attribute='name')|list
[[1]]|unique|list
l|map('string')|list, ls|map('upper')|join, users|map(attribute='at.city', default='?')|list, users|map(attribute='name')|map('lower')|list, l|map('round', 1)|list, ['1', 'x']|map('int', default=9)|list
l|map('nosuch')|list
l|map|list
users|map(attribute='q')|list
l|select|list, l|select('odd')|list, l|select('>', 1)|list, l|reject('equalto', 1)|list, [0, 1, '', none]|select|list, [0, 1]|reject|list, mixed|select('string')|list, l|select('in', [1, 2])|list
users|selectattr('at')|map(attribute='name')|list, users|selectattr('age', 'eq', 30)|map(attribute='name')|list, users|rejectattr('at', 'defined')|map(attribute='name')|list, users|selectattr('at.city')|list|length
users|selectattr|list
l|select('nosuch')|list
(l|select('odd')) is iterable, (e|select) and true, (l|select('odd'))|first, 1 in (l|select)
(l|select)|length
(l|select)|last
(l|select)[0] is defined
(l|map('string')) is sequence, (l|map('string')) is string
users|groupby('age')|list|length
users|groupby('age')|map(attribute=0)|list, users|groupby('age')|map(attribute='grouper')|list, (users|groupby('age'))[0].list|length, ls|groupby(0), users|groupby('at.city', default='Z')|map('first')|list
d|dictsort, d|dictsort(true), {'b': 1, 'a': 2}|dictsort(by='value'), {'b': 1, 'a': 2}|dictsort(false, 'value', true), {'b': 1, 'A': 2}|dictsort
l|dictsort
d|items|list, missing|items|list
l|items|list
l|batch(2)|list, l|batch(2, 'x')|list, range(7)|slice(3)|list, range(7)|slice(3, 0)|list, e|batch(2)|list
ml|indent, ml|indent(2, true), ml|indent(2, blank=true), ml|indent('> '), ''|indent(first=true)
'one two'|wordcount, u|wordcount, "a_b c-d"|wordcount
'foo bar baz qux'|truncate(9), 'foo bar baz qux'|truncate(9, true), 'foo bar baz qux'|truncate(11), 'foo bar baz qux'|truncate(11, false, '..', 0), u|truncate(5, true, '', 0)
'foo'|truncate(1)
'a b/ü?'|urlencode, {'a b': 1, 'c': 'd/e'}|urlencode, [('x', 1)]|urlencode
html|e, html|escape|e, html|safe, html|safe|e, '<'|e ~ '>', ('<'|safe) + '<', '<' + ('<'|safe), ('a%s'|safe) % '<', [html|e], html|e|upper, html|forceescape, (html|e) is escaped, '<'|safe|string is escaped
d|attr('b') is defined, s|attr('upper') is callable, s|attr('nope') is defined
1000|filesizeformat, 1500000|filesizeformat, 1|filesizeformat, 2048|filesizeformat(true), 500|filesizeformat
d|tojson, u|tojson, html|tojson, [1, 2.0, true, none, 'é', 1e16]|tojson, {1: 'a', none: 2, true: 3, 1.5: 4}|tojson, (1, 2)|tojson
d|tojson(indent=2), []|tojson(indent=2), {}|tojson(indent=2), {'a': [], 'b': {}}|tojson(indent=1), [1, [2]]|tojson(indent='--'), [1]|tojson(indent=0)
d|tojson(sort_keys=true), d|tojson(separators=(',', ':')), u|tojson(ensure_ascii=true), u|tojson(true), d|tojson(indent=2, separators=(', ', ': '))
'a"b\\c\n\r\t\x08\x0c\x01\x7f\u2028'|tojson, 'a"\x7f\u2028é'|tojson(ensure_ascii=true)
missing|tojson
range(3)|tojson
d.items()|tojson
n is defined, missing is defined, missing is undefined, z is none, z is not none, s is string, n is string, n is number, f is number, t is number, n is integer, t is integer, f is float, t is boolean, n is boolean
d is mapping, l is mapping, l is sequence, s is sequence, d is sequence, n is sequence, (1,) is sequence, range(3) is sequence, missing is sequence, l is iterable, s is iterable, n is iterable, z is iterable, missing is iterable, d.items() is sequence, d.items() is iterable
t is true, t is false, 1 is true, 3 is odd, 4 is even, 2.0 is even, 9 is divisibleby 3, 9 is divisibleby(2), 1 is eq 1, 1 is equalto(2), 1 is ne 2, 1 is lt 2, 2 is gt 1, 1 is le 1, 1 is ge 2, 1 is in [1], 'a' is in('abc'), 1 is sameas 1, none is sameas none, true is sameas(1)
'abc' is lower, 'ABC' is upper, 'aB' is lower, 5 is lower, range is callable, s.upper is callable, n is callable, missing is callable, 'upper' is filter, 'nope' is filter, 'odd' is test, 'x' is escaped
'a' is odd
none is even
1 is nosuch
1|nosuch
1 is defined is defined
n is not defined, not n is defined, n is not divisibleby 2
1 is defined and 2 is defined or missing is defined
range(3), range(1, 4), range(0, 10, 2), range(3)|length, range(3) == range(0, 3), range(0), 2 in range(3), range(5, 0, -2)|list
range()
range(1, 2, 0)
range(1000000)
range('a')
dict(a=1), dict({'a': 1}, b=2), dict([('x', 1), ['y', 2]]), dict()
dict(1)
dict([1])
namespace(a=1).a, namespace({'b': 2}).b, namespace(a=1), namespace().x is defined, namespace(a=1)['a'], namespace(x=1).x + 1
namespace(_a=1)
namespace(1)
namespace(missing)
dict(missing)
raise_exception('stop')
raise_exception()
strftime_now('%Y-%m-%d %H:%M:%S'), strftime_now('%d %B %Y'), strftime_now('%a %b %j %%'), strftime_now('%I %p%z'), strftime_now('%A, %d.%m.%y')
strftime_now()
cycler('a', 'b').next(), joiner('|')(), joiner()()
cycler()
lipsum is defined, dict is callable, loop is defined, self is defined or true
s.format_map({'a': 1}), '{a}'.format_map({'a': 1})
''.__class__, s.__class__.__name__ is defined, d.__class__ is defined
''.__class__.__mro__
s.nope is defined, l.nope is defined, n.nope is defined, none.nope is defined, none.nope
none.x.y
n.real, f.is_integer(), 5 .bit_length(), f.real
s.encode is defined, s.join is callable
'a' if missing else 'b', (missing or 'x').upper()
(1, 2) == (1, 2), (1, 2) == [1, 2], {'a': 1} == {'a': 1.0}, [1, [2]] == [1, [2]], none == false, 'a' != 'b'
l + [4], [l, l][1][0], {'a': l}.a[0], {'a': {'b': 1}}['a'].b, [1, 2, 3][1], 'abc'[1], (1, 2).0
(-5)|abs, -5|abs, - 5|string, 5 - -3, +5, -(-5), not not 1
1 if true, 2
('a', 'b')|join, {'a': 1}|join, [1, 2]|map('string')|join('+')
(n > 5 and 'big') or 'small', n and none, 0 or none
n.__add__ is defined
'a' is string and 'b' is string, ('a' is string)|string
'%s'|format(missing), missing ~ 'x', [missing|default(1)]
1(2)
'a'('b')
d()
[1, 2](0)
s.upper(1)
s.split(1)
s.nope()
l|join(sep=',')
l|first(1)
f(*[1], **{'a': 2}) if false else 1
range(*[1, 4])|list, dict(**{'a': 1}), '{}{x}'.format(*['q'], **{'x': 5})
range(*5)
dict(**[1])
dict(a=1, a=2)
{'a': 1}['a'], {'a': 1}.a, {'get': 1}.get is callable, {'get': 1}['get'], {'x y': 1}['x y']
[1, 2, 3,], (1, 2,), {'a': 1,}, range(3,)|list
1 +
(1
[1
{'a' 1}
1 2
a b
'abc
1..2
a.
@
a ? b : c
1 <> 2
x = 1
true is true, True, False, None, none, false
"multi
line"
""".strip("\n")

TEMPLATES = [
    "", "\n", "x\n", "x\n\n", "a\r\nb\rc", "{{ 1 }}\n", "  {{ 1 }}  \n", "{{- 1 -}}", " {{- 1 -}} x", "{{ '{{' }}", "{{'a'}}{{'b'}}", "{{ }}", "{{", "{%", "{% %}", "{#", "{# c #}x", "a {# c #}\nb",
    "a{#- c -#} b", "  {# c #}\n x", "x {# a\nb #}\ny", "{#-#}x", "{% if true %}\nx\n{% endif %}\ny", "  {% if true %}\n  x\n  {% endif %}\n  y", "a {% if true %} b {% endif %} c",
    "{% if true -%}\n\n  x\n{%- endif %}\n y", "a\n\n  {%- if true %} x{% endif %}", "a\n  {%+ if true %} x{% endif +%}\ny", "{%- if true -%} x {%- endif -%} y", "\t{% if 1 %}\tx{% endif %}\t\n", "{{ 1 }}\n{% if 1 %}\n{% endif %}\nx",
    "\u00a0{% if 1 %}x{% endif %}", "x\u00a0\n\u2003{%- if 1 %}y{% endif %}", "{{ 1 -}}\n\n  x", "x \n {{- 1 }}", "{{+ 1 }}", " {%+ set x = 1 %}\n{{ x }}",
    "{% raw %}{{ x }} {% if %}{% endraw %}", " {% raw %}\n a {% endraw %}\nb", "{%- raw -%} a {%- endraw -%} b", "{% raw %}x", "x {% raw -%} y {% endraw +%}\nz", "{% raw %}  {% endraw %}|",
    "{% if n > 5 %}a{% elif n > 3 %}b{% else %}c{% endif %}", "{% if n > 9 %}a{% elif n > 3 %}b{% else %}c{% endif %}", "{% if missing %}a{% elif none %}b{% elif 0 %}c{% else %}d{% endif %}", "{% if 1 %}", "{% if %}{% endif %}", "{% endif %}", "{% else %}", "{% if 1: %}x{% endif %}",
    "{% if 1 %}{% else %}{% elif 1 %}{% endif %}", "{% if 1, 2 %}t{% endif %}", "{% unknown %}", "{% if 1 %}{% endfor %}", "{% for x in l %}{% endif %}",
    "{% for x in l %}{{ x }},{% endfor %}", "{% for x in l %}{{ loop.index }}{{ loop.index0 }}{{ loop.first }}{{ loop.last }}{{ loop.length }}{{ loop.revindex }}{{ loop.revindex0 }};{% endfor %}",
    "{% for x in e %}x{% else %}none{% endfor %}", "{% for x in missing %}x{% else %}none{% endfor %}", "{% for x in none %}{% endfor %}", "{% for x in 5 %}{% endfor %}", "{% for c in 'ab\u00fc' %}[{{ c }}]{% endfor %}", "{% for k in d %}{{ k }} {% endfor %}",
    "{% for k, v in d.items() %}{{ k }}={{ v }};{% endfor %}", "{% for k, v in [[1, 2], [3, 4]] %}{{ k + v }} {% endfor %}", "{% for (a, b), c in [((1, 2), 3)] %}{{ a }}{{ b }}{{ c }}{% endfor %}", "{% for a, b in [[1]] %}{% endfor %}", "{% for a, b in [[1, 2, 3]] %}{% endfor %}", "{% for a, b in [1] %}{% endfor %}", "{% for a, b in ['xy'] %}{{ b }}{{ a }}{% endfor %}", "{% for a, in [[1]] %}{{ a }}{% endfor %}",
    "{% for x in l if x > 1 %}{{ loop.index }}:{{ x }} {% endfor %}", "{% for x in l if x > 5 %}x{% else %}none{% endfor %}", "{% for x in l if x > 1 %}{{ loop.length }}{{ loop.last }}{% endfor %}", "{% for x in l if loop.first %}{% endfor %}", "{% for k, v in d.items() if v is string %}{{ k }}{% endfor %}",
    "{% for x in l %}{{ loop.previtem }}<{{ x }}<{{ loop.nextitem }};{% endfor %}", "{% for x in l %}{{ loop.previtem is defined }}{{ loop.nextitem is defined }} {% endfor %}", "{% for x in l %}{{ loop.cycle('a', 'b') }}{% endfor %}", "{% for x in [1, 1, 2, 2, 1] %}{{ loop.changed(x) }} {% endfor %}", "{% for x in l %}{{ loop.cycle() }}{% endfor %}", "{% for x in l %}{{ loop.depth }}{{ loop.depth0 }}{{ loop.nope }}{% endfor %}",
    "{% for x in l|select('odd') %}{{ x }}{{ loop.last }}{{ loop.length }}{% endfor %}", "{% for x in l %}{% for y in l %}{{ loop.index }}{% endfor %}{{ loop.index }} {% endfor %}", "{% for x in l %}{% set outer = loop %}{% for y in [1] %}{{ outer.index }}{% endfor %}{% endfor %}", "{% for x in l %}{{ loop }}{% endfor %}", "{% for x in l %}{{ loop|length }}{% endfor %}",
    "{% for x in l %}{% if x == 1 %}{% break %}{% endif %}{{ x }}{% endfor %}", "{% for x in l %}{% if x == 1 %}{% continue %}{% endif %}{{ x }}{% endfor %}", "{% break %}", "{% continue %}", "{% for x in l %}{% break %}{% else %}e{% endfor %}", "{% for x in l %}{% for y in l %}{% break %}{% else %}{% endfor %}{{ x }}{% endfor %}", "{% for x in l %}{% for y in e %}{% else %}{% break %}{% endfor %}{{ x }}{% endfor %}|", "{% for x in l %}{% set y %}a{% break %}{% endset %}{% endfor %}|", "{% for x in l %}{% macro m() %}{% break %}{% endmacro %}{% endfor %}", "{% for x in l %}{% generation %}{% break %}{% endgeneration %}{% endfor %}", "{% for x in l %}{{ x }}{% filter upper %}{% continue %}{% endfilter %}z{% endfor %}",
    "{% for n in [{'v': 1, 'c': [{'v': 2, 'c': [{'v': 3}]}, {'v': 4}]}] recursive %}{{ loop.depth }}:{{ n.v }}{% if n.c %}({{ loop(n.c) }}){% endif %}{% endfor %}", "{% for n in [[1, [2]], 3] recursive %}{% if n is iterable %}[{{ loop(n) }}]{% else %}{{ n }}{% endif %}{% else %}none{% endfor %}", "{% for x in l %}{{ loop(l) }}{% endfor %}", "{% for x in [1] recursive %}{{ loop([1]) }}{% endfor %}",
    "{% for loop in l %}{% endfor %}", "{% for x in l %}{% set loop = 1 %}{% endfor %}", "{% set loop = 1 %}{{ loop }}", "{% for x.y in l %}{% endfor %}", "{% for 1 in l %}{% endfor %}", "{% for x l %}{% endfor %}", "{% for x in %}{% endfor %}", "{% for x in l if %}{% endfor %}", "{% for x in 1, 2 %}{{ x }}{% endfor %}", "{% for x in l if x else 1 %}{% endfor %}", "{% for x in (l if true else e) %}{{ x }}{% endfor %}",
    "{% set x = 1 %}{{ x }}", "{% set x, y = 1, 2 %}{{ x }}{{ y }}", "{% set x = 1, 2 %}{{ x }}", "{% set x, y = [1] %}", "{% set x = 1 %}{% for i in l %}{% set x = x + 1 %}{{ x }}{% endfor %}{{ x }}", "{% for i in l %}{% set y = i %}{% endfor %}{{ y }}", "{% if true %}{% set x = 5 %}{% endif %}{{ x }}", "{% if false %}{% set x = 5 %}{% endif %}{{ x }}|{{ x is defined }}", "{% if false %}{% set n = 5 %}{% endif %}{{ n }}", "{% for i in [1, 2] %}{% if i == 1 %}{% set n = 0 %}{% endif %}{{ n }}{% endfor %}{{ n }}", "{% for i in l %}{{ w }}{% set w = i %}{% endfor %}", "{% set n = n + 1 %}{{ n }}",
    "{% set ns = namespace(x=0) %}{% for i in l %}{% set ns.x = ns.x + i %}{% endfor %}{{ ns.x }}", "{% set ns = namespace() %}{% set ns.a = 1 %}{% set ns.b = [ns.a] %}{{ ns.b }}{{ ns }}", "{% set d.x = 1 %}", "{% set missing.x = 1 %}", "{% set ns = namespace() %}{% set ns._x = 1 %}", "{% set ns = namespace() %}{% set ns.a, ns.b = 1, 2 %}{{ ns.a + ns.b }}", "{% set ns = namespace() %}{% set ns['a'] = 1 %}", "{% set ns = namespace(a=1) %}{{ ns.b is defined }}{{ ns.a is defined }}{{ ns is mapping }}", "{% set ns = namespace(s='') %}{% for c in 'abc' %}{% set ns.s = c ~ ns.s %}{% endfor %}{{ ns.s }}", "{% set ns = namespace(l=[]) %}{% for c in 'abc' %}{% set ns.l = ns.l + [c] %}{% endfor %}{{ ns.l }}",
    "{% set ns = namespace(n=0) %}{% for x in l if ns.n < 2 %}{% set ns.n = ns.n + 1 %}{{ x }}{% endfor %}", "{% set ns = namespace(items=3) %}{{ ns.items }}", "{% set ns = namespace() %}{% set ns.self = ns %}{{ ns.self.self is defined }}",
    "{% set x %}a {{ n }}\n{% endset %}[{{ x }}]", "{% set x | upper | trim %} a {% endset %}[{{ x }}]", "{% set x | replace('a', 'b') %}aa{% endset %}{{ x }}", "{% set x %}{% set y = 1 %}{% endset %}{{ y is defined }}", "{% set x %}{% endset %}[{{ x }}]{{ x is string }}", "{% set ns = namespace() %}{% set ns.t %}q{% endset %}{{ ns.t }}", "{% set x | nosuch %}{% endset %}", "{% set x | length %}abc{% endset %}{{ x + 1 }}",
    "{% set true = 1 %}", "{% set 'a' = 1 %}", "{% set x %}", "{% set %}", "{% set x = %}", "{% set x == 1 %}", "{% set a.b.c = 1 %}", "{% set (a, b) = (1, 2) %}{{ a }}{{ b }}", "{% set a, (b, c) = 1, (2, 3) %}{{ a }}{{ b }}{{ c }}",
    "{% macro m(a, b=2) %}{{ a }}-{{ b }};{% endmacro %}{{ m(1) }}{{ m(1, 3) }}{{ m(b=5, a=4) }}{{ m() }}", "{% macro m(a) %}{{ a is defined }}{% endmacro %}{{ m() }}{{ m(1) }}", "{% macro m() %}{{ varargs }}{{ kwargs }}{% endmacro %}{{ m(1, 2, x=3) }}", "{% macro m(a) %}{% endmacro %}{{ m(1, 2) }}", "{% macro m(a) %}{% endmacro %}{{ m(b=2) }}", "{% macro m(a, a) %}{% endmacro %}", "{% macro m(a=1, b) %}{% endmacro %}", "{% macro m(a, b=a) %}{{ b }}{% endmacro %}{{ m(1) }}", "{% macro m(a=b, b=1) %}[{{ a }}]{% endmacro %}{{ m() }}", "{% macro m(a=l) %}{{ a }}{% endmacro %}{{ m() }}",
    "{% macro m(x) %}{% if x > 0 %}{{ x }}{{ m(x - 1) }}{% endif %}{% endmacro %}{{ m(5) }}", "{% macro m() %}{{ n }}{{ late }}{% endmacro %}{% set late = 3 %}{{ m() }}", "{% macro m() %}{% set n = 9 %}{{ n }}{% endmacro %}{{ m() }}{{ n }}", "{{ m() }}{% macro m() %}x{% endmacro %}", "{% macro m() %}x{% endmacro %}{{ m }}{{ m.name }}{{ m.arguments }}{{ m is callable }}", "{% for i in l %}{% macro m() %}{{ i }}{% endmacro %}{{ m() }}{% endfor %}", "{% macro m() %} a {% endmacro %}[{{ m() | trim }}]{{ m()|length }}", "{% macro m(a, b) %}{{ a }}{{ b }}{% endmacro %}{{ m(*[1, 2]) }}{{ m(**{'a': 3, 'b': 4}) }}", "{% macro m(a) %}{% endmacro %}{{ m(1, a=2) }}", "{% macro outer() %}{% macro inner() %}i{% endmacro %}[{{ inner() }}]{% endmacro %}{{ outer() }}", "{% macro outer() %}{% macro inner() %}{% endmacro %}{% endmacro %}{{ outer() }}{{ inner() }}", "{% macro m(loop) %}{{ loop }}{% endmacro %}{{ m(1) }}", "{% macro r() %}{{ r() }}{% endmacro %}{{ r() }}", "{% macro m %}{% endmacro %}",
    "{% macro m() %}[{{ caller() }}]{% endmacro %}{% call m() %}body{{ n }}{% endcall %}", "{% macro m() %}{{ caller(1, 2) }}{% endmacro %}{% call(a, b=9) m() %}{{ a }}{{ b }}{% endcall %}", "{% macro m() %}x{% endmacro %}{% call m() %}{% endcall %}", "{% macro m() %}{{ caller() }}{% endmacro %}{{ m() }}", "{% macro m() %}{{ caller is defined }}{% if caller %}{{ caller() }}{% endif %}{% endmacro %}{{ m() }}{% call m() %}c{% endcall %}", "{% call n %}{% endcall %}", "{% call s.upper() %}{% endcall %}", "{% macro m(caller=none) %}{{ caller() if caller else 'no' }}{% endmacro %}{{ m() }}{% call m() %}yes{% endcall %}", "{% macro m(caller) %}{{ caller() }}{% endmacro %}", "{% macro m() %}{% for x in l %}{{ caller(x) }}{% endfor %}{% endmacro %}{% call(x) m() %}<{{ x }}>{% endcall %}",
    "{% filter upper %}abc{{ 'x' }}{% endfilter %}", "{% filter upper | replace('A', 'b') %}abc{% endfilter %}", "{% filter indent(2) %}a\nb{% endfilter %}", "{% filter nosuch %}{% endfilter %}", "{% filter upper %}{% set q = 1 %}{% endfilter %}{{ q is defined }}", "{% filter length %}abc{% endfilter %}", "{% filter trim %}  {% filter upper %} a {% endfilter %}{% endfilter %}|",
    "{% with a = 1, b = 2 %}{{ a }}{{ b }}{% endwith %}{{ a is defined }}", "{% with %}{% set q = 1 %}{{ q }}{% endwith %}{{ q is defined }}", "{% with n = 1 %}{{ n }}{% endwith %}{{ n }}", "{% with a = 1, b = a %}{{ b is defined }}{% endwith %}", "{% with a, b = 1, 2 %}{% endwith %}", "{% with a = [1, 2] %}{% for x in a %}{{ x }}{% endfor %}{% endwith %}",
    "{% generation %}a{{ n }}{% set q = 1 %}{% endgeneration %}{{ q is defined }}", "{% generation %}\n x\n{% endgeneration %}\ny", "{%- generation -%} a {%- endgeneration -%}", "{% generation %}", "{% for x in l %}{% generation %}{{ loop.index }}{% endgeneration %}{% endfor %}",
    "{% block a %}x{{ n }}{% endblock %}", "{% block a %}{% endblock %}{% block a %}{% endblock %}", "{% set q = 1 %}{% block a %}{{ q }}{% set q = 2 %}{{ q }}{% endblock a %}{{ q }}", "{% for i in l %}{% block b %}[{{ i }}]{% endblock %}{% endfor %}", "{% for i in l %}{% block b scoped %}[{{ i }}]{% endblock %}{% endfor %}",
    "{% print 1, 'a' %}", "{% print n %}", "{% do l.append(1) %}", "{% include 'x' %}", "{% import 'x' as y %}", "{% from 'x' import y %}", "{% extends 'x' %}", "{% trans %}{% endtrans %}", "{% debug %}",
    "{% if false %}{{ 1 | nosuch }}{% endif %}ok", "{% if true %}{{ 1 | nosuch }}{% endif %}", "{{ 1 | nosuch if false else 2 }}", "{{ 1 if true else 2 | nosuch }}", "{% if false %}{% for x in l %}{{ x | nosuch }}{% endfor %}{% endif %}", "{% if 1 is nosuch %}{% endif %}", "{% if false and 1 is nosuch %}{% endif %}ok", "{% for x in e %}{{ x|nosuch }}{% endfor %}",
    "{{ l|map(attribute='x')|list }}{{ s }}", "{% set g = l|map('string') %}{{ g|join }}{{ g|join }}", "{% set g = l|select('odd') %}{% if g %}t{% endif %}{{ g|list }}{{ g|list }}", "{% set c = cycler('a', 'b') %}{{ c.next() }}{{ c.next() }}{{ c.current }}{{ c.next() }}{{ c.reset() }}{{ c.next() }}", "{% set j = joiner(', ') %}{% for x in l %}{{ j() }}{{ x }}{% endfor %}",
    "{{ {'a': {'b': 1}}['a']['b'] }}", "{{ {'a': {'b': 1}} }}", "{{'}}'}}", "{{ \"%}\" }}", "{% if '%}' %}x{% endif %}", "{{ {} }}", "{{ [[]] }}", "{{ (1) }}", "{{ () }}", "{{ 'a' if (1) else ('b') }}", "{{ 1 }}{{ 2", "}}", "%}", "{ {", "{{ 1 } }", "{{ 1 %}", "{% if 1 }}", "{{ ) }}", "{{ (] }}",
    "{{ raise_exception('stop ' ~ n) }}", "{% if n == 7 %}{{ raise_exception('no') }}{% endif %}", "{{ messages[0]['content'] }}", "{{ users[0].at.city }}{{ users[1].at is defined }}", "{{ users[1].at.city }}", "{{ users[0]['name'] ~ users | length }}", "{% for u in users %}{{ u.name }}{{ ', ' if not loop.last }}{% endfor %}", "{%- for u in users -%}\n  {{- u.name -}}\n{%- endfor -%}", "{% for u in users -%}\n {{ u.name }}\n{% endfor -%}\nend",
    "{{ '\u2028' }}\u2028{% if 1 %}\n{% endif %}", "a\x0b{%- if 1 %}b{% endif %}", "{% set m\u00fc = 1 %}{{ m\u00fc }}", "{{ \u00b2 }}", "{{ a\u00b7b }}", "{% set x = 1 -%}   \n\n {{- x }}", "{{ x\n+\n1 }}", "{{\n'a'\n}}\n", "{% set x = [\n1,\n2\n] %}{{ x }}", "line1\n{{ missing.x }}", "{{ 5 is divisibleby 5 }}{{ 'a' is in 'abc' }}", "{{ n is number and f is float }}",
    "{% set x = 'a' %}{% set x = x ~ 'b' %}{{ x }}", "{{ d.a|join(',') }}{{ d['a'][-1] }}", "{% for k, v in d|dictsort %}{{ k }}{% endfor %}", "{% for k, v in d|items %}{{ k }}{% endfor %}", "{% for x in l|sort|reverse %}{{ x }}{{ loop.length }}{% endfor %}", "{% for a in l %}{% for b in ls if b != 'A' %}{{ a }}{{ b }}{{ loop.index }} {% endfor %}{% endfor %}", "{{ loop }}", "{{ caller }}", "{{ self }}" if False else "{{ varargs }}", "{% set dict = 5 %}{{ dict }}", "{% set range = 1 %}{{ range }}", "{{ range|string is string }}",
]


def cases():
    for line in EXPRESSIONS.replace('"multi\nline"', '"multi\x00line"').split("\n"):
        yield "{{ " + line.replace("\x00", "\n") + " }}"
    yield from TEMPLATES
