-- What the API answered since a process last said so: see `account-records.ts`.
-- KEYS: 1 answers
-- ARGV: '<endpoint> <outcome>' and how many, in turn
for index = 1, #ARGV, 2 do
  redis.call('HINCRBY', KEYS[1], ARGV[index], ARGV[index + 1])
end
return 1
