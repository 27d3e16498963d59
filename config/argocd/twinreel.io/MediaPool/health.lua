local hs = { status = "Progressing", message = "the operator has not looked at it yet" }
local status = obj.status
if status == nil or status.tapes == nil then return hs end
if status.observedGeneration ~= nil and obj.metadata.generation ~= nil
    and status.observedGeneration ~= obj.metadata.generation then
  hs.message = "the operator has not seen this generation yet"
  return hs
end
local tapes = status.tapes
local function count(state) return tapes[state] or 0 end
local text = count("total") .. " tapes: " .. count("scratch") .. " scratch, " .. count("usable") .. " usable, "
  .. count("inUse") .. " in use, " .. count("full") .. " full"
local bad = count("notUsable") + count("foreign")
if bad > 0 then text = text .. ", " .. bad .. " out of order" end
return { status = "Healthy", message = text }
