"""The rules of `base.judge` as scripts: what a Valkey server does at once, whoever else asks.

A box is one key, its value 20 digits (released at, expires at) and the box, with the server's own
expiry. Beside the boxes stands a sorted set for each of 256 tags with what is known of ids: of each
box the time when it is over, and of each id deleted within the hour the time until which that
counts, taken from a number beyond all times. So boxes are first, the latest deletion follows them,
and what is set is near the beginning, from where a server looks for its place. Both keys have the
tag in braces, by which a cluster puts them on one server. What an id is not enough for is in no
name and no value: servers see what they keep, and when.

What lies at a box's key and is no box counts as nothing: it is replaced, or deleted. A set of
another type is made anew (`ANEW`); a script fails at it and leaves everything as it was.

Each begins with what nearly always is the case and needs the fewest calls, as these are most of
what a box costs: a deposit where nothing is known, a deletion of a box whose time is not over.
That a box came is told by whoever had it stored, behind the script and some at once.
"""

from typing import Final

from ojak_protocol.addresses import BOX_BYTES

HEAD_BYTES: Final = 20
WHOLE_BYTES: Final = HEAD_BYTES + BOX_BYTES
DELETED_FROM: Final = 10**10
"""What is known of an id is less for a box, and not less for a deletion."""
DELETED: Final = 2 * DELETED_FROM
"""What the time until which a deletion counts is taken from."""

ADDED: Final = b"added"
REPLACED: Final = b"replaced"
KEPT: Final = b"kept"
OCCUPIED: Final = b"occupied"
FULL: Final = b"full"
MENDED: Final = b"mended"
"""Stored in the place of what was no box."""

_LYING: Final = b"""
local now = tonumber(ARGV[1])
local lying = redis.pcall('GET', KEYS[1])
local ends
if type(lying) == 'string' and #lying == %d
  and string.find(string.sub(lying, 1, 20), '^%%d+$') then
  ends = tonumber(string.sub(lying, 11, 20))
end
""" % (WHOLE_BYTES)
"""What lies at the key, if anything, and when it ends, if it is a box."""

DEPOSIT: Final = (
    b"""
local id = string.sub(KEYS[1], 7)
local over = string.sub(ARGV[2], 11, 20)
if redis.call('DBSIZE') < tonumber(ARGV[5])
  -- It fails where there is no memory, too; below that is told, or room made.
  and redis.pcall('ZADD', KEYS[2], 'NX', over, id) == 1 then
  local set = redis.pcall('SET', KEYS[1], ARGV[2], 'NX', 'PX', ARGV[4])
  if set and set.ok then return 'added' end
  redis.call('ZREM', KEYS[2], id)
end
"""
    + _LYING
    + b"""
local known = tonumber(redis.call('ZSCORE', KEYS[2], id) or 0)
if ends and now < ends then
  if string.sub(lying, 21) == string.sub(ARGV[2], 21) then
    -- A write, so that who asked waits for the replicas that the first one may not have waited for.
    redis.call('PEXPIRE', KEYS[1], 1000 * (ends - now))
    return 'kept'
  end
  if ARGV[3] == '0' then return 'occupied' end
elseif known >= 1e10 and now < 2e10 - known then
  return 'kept'
end
if not lying and redis.call('DBSIZE') >= tonumber(ARGV[5]) then return 'full' end
-- A server without memory refuses what begins with SET, and takes what makes room before.
if lying then redis.call('DEL', KEYS[1]) end
redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[4])
redis.call('ZADD', KEYS[2], over, id)
return not lying and 'added' or ends and 'replaced' or 'mended'
"""
)

# A server without memory refuses what adds. These add little, and deletes are never refused.
_ALWAYS: Final = b"#!lua flags=allow-oom"

DELETE: Final = (
    _ALWAYS
    + b"""
local id = string.sub(KEYS[1], 7)
local known = tonumber(redis.call('ZSCORE', KEYS[2], id) or 0)
if tonumber(ARGV[1]) < known and known < 1e10 then
  redis.call('ZADD', KEYS[2], ARGV[2], id)
  return redis.call('DEL', KEYS[1])
end
"""
    + _LYING
    + b"""
if not lying then
  if known >= 1e10 and now < 2e10 - known then
    -- A write, for the same reason as that of the same deposit: to set what is set would be none.
    redis.call('ZREM', KEYS[2], id)
    redis.call('ZADD', KEYS[2], known, id)
  end
  return 0
end
-- What was no box may lie where one was, which a sender would bring back.
if not ends or now < ends then
  redis.call('ZADD', KEYS[2], ARGV[2], id)
else
  redis.call('ZREM', KEYS[2], id)
end
return redis.call('DEL', KEYS[1])
"""
)

CLEAR: Final = (
    _ALWAYS
    + _LYING
    + b"""
local id = string.sub(KEYS[1], 7)
if ends and now < ends then
  -- Otherwise it would be found to be over again and again.
  redis.call('ZADD', KEYS[2], ends, id)
  return 0
end
local known = tonumber(redis.call('ZSCORE', KEYS[2], id) or 0)
-- Another relay may have deleted it meanwhile.
if known < 1e10 then redis.call('ZREM', KEYS[2], id) end
return redis.call('DEL', KEYS[1])
"""
)

ANEW: Final = b"""
if redis.call('TYPE', KEYS[1]).ok ~= 'zset' then redis.call('DEL', KEYS[1]) end
return redis.call('ZADD', KEYS[1], 'NX', '+inf', '')
"""
