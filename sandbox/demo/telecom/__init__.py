"""The demo of a small provider: a month of its subscribers, its departments and its late payers.

company.py       who is there, and what they pay
scene.py         what all chapters act on: clock, people, phones, the bank's app
people.py        departments in front of the console, each in a browser of its own
front_desk.py    how orders come in
story_time.py    the one clock
connections.py, changes.py, late_payers.py     the chapters
story.py         all of them in their order
open_work.py     what is left to whoever plays with it
"""
