local hs = { status = "Progressing", message = "the operator has not looked at it yet" }
local status = obj.status
if status == nil or status.phase == nil then return hs end
if status.observedGeneration ~= nil and obj.metadata.generation ~= nil
    and status.observedGeneration ~= obj.metadata.generation then
  hs.message = "the operator has not seen this generation yet"
  return hs
end
local function why(fallback)
  local text = status.reason
  if text == nil or text == "" then text = fallback end
  if status.message ~= nil and status.message ~= "" then text = text .. ": " .. status.message end
  return text
end
if status.phase == "Succeeded" then
  local text = why("Succeeded")
  for _, condition in ipairs(status.conditions or {}) do
    if condition.type == "Released" and condition.status == "False" then
      text = text .. "; not released: " .. condition.message
    end
  end
  return { status = "Healthy", message = text }
end
if status.phase == "Failed" or status.phase == "Cancelled" then
  return { status = "Degraded", message = status.phase .. ": " .. why("no reason given") }
end
if status.phase == "Suspended" then
  return { status = "Suspended", message = "suspended by spec.suspend" }
end
hs.message = status.phase
if status.progress ~= nil and status.progress.percent ~= nil then
  hs.message = hs.message .. " " .. status.progress.percent
end
if status.reason ~= nil and status.reason ~= "" then
  hs.message = hs.message .. ", " .. why("")
end
return hs
