local hs = { status = "Progressing", message = "the operator has not looked at it yet" }
local status = obj.status
if status == nil or status.state == nil then
  -- This version only takes the declaration: nothing that could make progress.
  return { status = "Suspended", message = "declared; this version does not use copy devices" }
end
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
if status.state == "NotUsable" then
  if status.reason == "Disabled" then
    return { status = "Suspended", message = "set aside by spec.disabled" }
  end
  return { status = "Degraded", message = why("NotUsable") }
end
if status.state == "Unknown" then
  hs.message = why("Unknown")
  return hs
end
local users = {}
for _, holder in ipairs(status.holders or {}) do
  table.insert(users, holder.namespace .. "/" .. holder.name)
end
if #users > 0 then
  return { status = "Healthy", message = "in use by " .. table.concat(users, ", ") }
end
return { status = "Healthy", message = "usable" }
