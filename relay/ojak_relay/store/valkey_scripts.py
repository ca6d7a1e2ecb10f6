"""The rules of `base.judge` as scripts: what a Valkey server does at once, whoever else asks.

A box is one key, its value 20 digits (released at, expires at) and the box, with the server's own
expiry. Beside the boxes stand two sorted sets for each of 256 tags: `due`, each box with the time
when it is over, and `deleted`, each id deleted within the hour with the time until which it counts.
All three have the tag of the box in braces, by which a cluster puts them on one server. What an id
is not enough for is in no name and no value: servers see what they keep, and when.

What lies at a box's key and is no box counts as nothing: it is replaced, or deleted. A set of
another type is made anew (`ANEW`); a script fails at it and leaves everything as it was.

Each begins with what nearly always is the case and needs the fewest calls, as these are most of
what a box costs: a deposit where nothing lies, a deletion of a box whose time is not over.
"""

from typing import Final

from ojak_protocol.addresses import BOX_BYTES

HEAD_BYTES: Final = 20
WHOLE_BYTES: Final = HEAD_BYTES + BOX_BYTES

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
local mark = redis.call('ZSCORE', KEYS[3], ARGV[6])
if not (mark and tonumber(ARGV[1]) < tonumber(mark))
  and redis.call('DBSIZE') < tonumber(ARGV[5]) then
  -- It fails where there is no memory, too; below that is told, or room made.
  local set = redis.pcall('SET', KEYS[1], ARGV[2], 'NX', 'PX', 1000 * ARGV[4])
  if set and set.ok then
    local listed = redis.pcall('ZADD', KEYS[2], string.sub(ARGV[2], 11, 20), ARGV[6])
    if type(listed) == 'table' then
      redis.call('DEL', KEYS[1])
      return listed
    end
    redis.call('PUBLISH', 'ojak', ARGV[6])
    return 'added'
  end
end
"""
    + _LYING
    + b"""
redis.call('ZCARD', KEYS[2])
if ends and now < ends then
  if string.sub(lying, 21) == string.sub(ARGV[2], 21) then
    -- A write, so that who asked waits for the replicas that the first one may not have waited for.
    redis.call('PEXPIRE', KEYS[1], 1000 * (ends - now))
    return 'kept'
  end
  if ARGV[3] == '0' then return 'occupied' end
else
  local deleted = redis.call('ZSCORE', KEYS[3], ARGV[6])
  if deleted and now < tonumber(deleted) then return 'kept' end
end
if not lying and redis.call('DBSIZE') >= tonumber(ARGV[5]) then return 'full' end
-- A server without memory refuses what begins with SET, and takes what makes room before.
if lying then redis.call('DEL', KEYS[1]) end
redis.call('SET', KEYS[1], ARGV[2], 'PX', 1000 * ARGV[4])
redis.call('ZADD', KEYS[2], string.sub(ARGV[2], 11, 20), ARGV[6])
redis.call('PUBLISH', 'ojak', ARGV[6])
return not lying and 'added' or ends and 'replaced' or 'mended'
"""
)

DELETE: Final = (
    b"""
local due = redis.call('ZSCORE', KEYS[2], ARGV[4])
if due and tonumber(ARGV[1]) < tonumber(due) then
  -- A server without memory refuses what adds, unless something was taken away before.
  redis.call('ZREM', KEYS[2], ARGV[4])
  local marked = redis.pcall('ZADD', KEYS[3], ARGV[2], ARGV[4])
  if type(marked) == 'table' then
    redis.call('ZADD', KEYS[2], due, ARGV[4])
    return marked
  end
  redis.call('ZREMRANGEBYRANK', KEYS[3], 0, -ARGV[3])
  return redis.call('DEL', KEYS[1])
end
"""
    + _LYING
    + b"""
local deleted = redis.call('ZSCORE', KEYS[3], ARGV[4])
if not lying then
  if deleted and now < tonumber(deleted) then
    -- A write, for the same reason as that of the same deposit: to set what is set would be none.
    redis.call('ZREM', KEYS[3], ARGV[4])
    redis.call('ZADD', KEYS[3], deleted, ARGV[4])
  end
  return 0
end
redis.call('ZREM', KEYS[2], ARGV[4])
redis.call('DEL', KEYS[1])
-- What was no box may lie where one was, which a sender would bring back.
if not ends or now < ends then
  redis.call('ZADD', KEYS[3], ARGV[2], ARGV[4])
  redis.call('ZREMRANGEBYRANK', KEYS[3], 0, -ARGV[3])
end
return 1
"""
)

CLEAR: Final = (
    _LYING
    + b"""
if ends and now < ends then
  -- Otherwise it would be found to be over again and again.
  redis.call('ZADD', KEYS[2], ends, ARGV[2])
  return 0
end
redis.call('ZREM', KEYS[2], ARGV[2])
return redis.call('DEL', KEYS[1])
"""
)

ANEW: Final = b"""
if redis.call('TYPE', KEYS[1]).ok ~= 'zset' then redis.call('DEL', KEYS[1]) end
return redis.call('ZADD', KEYS[1], 'NX', '+inf', '')
"""
