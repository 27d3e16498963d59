local hs = { status = "Progressing", message = "the operator has not looked at it yet" }
local status = obj.status
if obj.spec.suspend == true then
  return { status = "Suspended", message = "suspended by spec.suspend" }
end
if status == nil or status.observedGeneration == nil or status.observedGeneration < 0 then return hs end
if obj.metadata.generation ~= nil
    and status.observedGeneration ~= obj.metadata.generation then
  hs.message = "the operator has not seen this generation yet"
  return hs
end
for _, condition in ipairs(status.conditions or {}) do
  if condition.type == "Ready" and condition.status == "False" then
    return { status = "Degraded", message = condition.reason .. ": " .. condition.message }
  end
end
local text = "next " .. (status.nextScheduleTime or "never")
if status.lastSuccessfulTime ~= nil then text = text .. ", last success " .. status.lastSuccessfulTime end
if status.missed ~= nil and status.missed > 0 and status.lastMissedTime ~= nil then
  text = text .. ", starts missed " .. status.missed .. ", the last for " .. status.lastMissedTime
end
for _, condition in ipairs(status.conditions or {}) do
  if condition.type == "WindowMet" and condition.status == "False" then
    text = text .. "; window missed: " .. condition.message
  end
end
return { status = "Healthy", message = text }
